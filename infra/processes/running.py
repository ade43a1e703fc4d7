"""Records of a live `acgs up` for other processes: its pid, its flags, its roles.

Kept free of heavy imports: every `acgs` command reads it at start.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infra.processes.process import Identity, write_json

SUPERVISOR_FILE = "supervisor.json"
ROLES_FILE = "roles.json"


@dataclass(frozen=True, slots=True)
class SupervisorRecord:
    """The process that owns a storage root.

    Attributes:
        identity: which process.
        since: when it took the root, seconds since the epoch.
        flags: settings given on its command line, by environment name.
    """

    identity: Identity
    since: float
    flags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RoleRecord:
    """What the supervisor last knew about one role.

    Attributes:
        name: of the role.
        state: waiting, starting, ready, failed, restarting or stopped.
        identity: its process; None when none runs.
        restarts: times it was started again after it died, >= 0.
        since: start of the process (or of the state when there is none), seconds since epoch.
        detail: one line, e.g. why it is not ready.
    """

    name: str
    state: str
    identity: Identity | None
    restarts: int
    since: float
    detail: str = ""


def write_supervisor(root: Path, record: SupervisorRecord) -> None:
    """Record which process owns the storage root."""
    write_json(root / "run" / SUPERVISOR_FILE, asdict(record))


def read_supervisor(root: Path) -> SupervisorRecord | None:
    """Return the supervisor that was last recorded, alive or not."""
    data = _read(root / "run" / SUPERVISOR_FILE)
    if data is None:
        return None
    return SupervisorRecord(
        identity=Identity(**data["identity"]), since=data["since"], flags=data["flags"]
    )


def live_supervisor(root: Path) -> SupervisorRecord | None:
    """Return the recorded supervisor if it still runs."""
    record = read_supervisor(root)
    return record if record is not None and record.identity.alive() else None


def write_roles(root: Path, roles: list[RoleRecord]) -> None:
    """Record the state of each role."""
    write_json(root / "run" / ROLES_FILE, {"roles": [asdict(role) for role in roles]})


def read_roles(root: Path) -> list[RoleRecord]:
    """Return the recorded roles, in start order."""
    data = _read(root / "run" / ROLES_FILE)
    if data is None:
        return []
    return [
        RoleRecord(
            **{**role, "identity": Identity(**role["identity"]) if role["identity"] else None}
        )
        for role in data["roles"]
    ]


def forget(root: Path) -> None:
    """Remove the records of a run that has ended."""
    for name in (SUPERVISOR_FILE, ROLES_FILE):
        (root / "run" / name).unlink(missing_ok=True)


def adopt_flags(root: Path) -> None:
    """Let this process use the flags of the live `acgs up`, below its own environment.

    Without this, `acgs status` would look for the server on the default port after
    `acgs up --registry-port 5055`.
    """
    record = live_supervisor(root)
    for name, value in (record.flags if record else {}).items():
        os.environ.setdefault(name, value)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None
    return data if isinstance(data, dict) else None
