"""Identifies processes by pid and birth, so that a reused pid is not taken for the old process."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from infra.errors import UsageError

if TYPE_CHECKING:
    from infra.settings import Settings

POLL_SECONDS = 0.05


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _birth(pid: int) -> str | None:
    """Return boot id and start tick of a process; None if it is gone or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name, in parentheses, may itself hold spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    state, start_ticks = fields[0], fields[19]
    return None if state in "ZX" else f"{_boot()}:{start_ticks}"


@dataclass(frozen=True, slots=True)
class Identity:
    """One process for ever: its pid and when it was born."""

    pid: int
    birth: str

    @classmethod
    def of(cls, pid: int) -> Identity:
        """Identify a process; a process that is gone gets an identity that is never alive."""
        return cls(pid, _birth(pid) or "gone")

    @classmethod
    def mine(cls) -> Identity:
        """Identify this process."""
        return cls.of(os.getpid())

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return _birth(self.pid) == self.birth

    def send(self, number: signal.Signals) -> None:
        """Signal the process, and the group that it leads, if any; no error when it is gone."""
        if not self.alive():
            return
        with suppress(ProcessLookupError):
            if os.getpgid(self.pid) == self.pid and self.pid != os.getpid():
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)


def end(identities: Iterable[Identity], *, grace_seconds: float) -> list[Identity]:
    """End processes: SIGTERM, then SIGKILL to those that outlive the grace.

    Returns:
        Those that had to be killed.
    """
    living = [identity for identity in identities if identity.alive()]
    for identity in living:
        identity.send(signal.SIGTERM)
    stubborn = wait_gone(living, seconds=grace_seconds)
    for identity in stubborn:
        identity.send(signal.SIGKILL)
    wait_gone(stubborn, seconds=5.0)
    return stubborn


def wait_gone(identities: Iterable[Identity], *, seconds: float) -> list[Identity]:
    """Wait until all have ended; return those that still run after `seconds`."""
    living = list(identities)
    limit = time.monotonic() + seconds
    while True:
        living = [identity for identity in living if identity.alive()]
        if not living or time.monotonic() >= limit:
            return living
        time.sleep(POLL_SECONDS)


@dataclass(frozen=True, slots=True)
class Child:
    """A helper process that a role started and that may outlive it on purpose."""

    name: str
    identity: Identity


def record_child(settings: Settings, name: str, pid: int) -> Child:
    """Record a helper process, so that `acgs down` ends it even if its role has died.

    Args:
        settings: of the platform.
        name: unique in the storage root; letters, digits, `.`, `_` and `-`.
        pid: of the process, best the leader of a process group of its own.

    Raises:
        UsageError: the name cannot be a file name.
    """
    child = Child(name, Identity.of(pid))
    write_json(_child_file(settings, name), asdict(child))
    return child


def children(settings: Settings) -> list[Child]:
    """Return every recorded helper process, alive or not, by name."""
    return children_of(settings.storage_root)


def children_of(root: Path) -> list[Child]:
    """Do as `children`, given only the storage root."""
    found = []
    for path in sorted((root / "run" / "children").glob("*.json")):
        try:
            data = json.loads(path.read_text())
        except FileNotFoundError:
            continue
        found.append(Child(data["name"], Identity(**data["identity"])))
    return found


def forget_child(settings: Settings, name: str) -> None:
    """Remove the record of a helper process; no error when there is none."""
    _child_file(settings, name).unlink(missing_ok=True)


def end_children(root: Path, *, grace_seconds: float) -> list[Child]:
    """End every recorded helper process and forget it; return those that were alive."""
    found = children_of(root)
    living = [child for child in found if child.identity.alive()]
    end((child.identity for child in living), grace_seconds=grace_seconds)
    for child in found:
        (root / "run" / "children" / f"{child.name}.json").unlink(missing_ok=True)
    return living


def _child_file(settings: Settings, name: str) -> Path:
    if not name or not all(c.isalnum() or c in "._-" for c in name) or name.startswith("."):
        raise UsageError(f"child process name {name!r}: expected letters, digits, '.', '_', '-'")
    return settings.folder("run/children") / f"{name}.json"


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write a JSON file so that a reader sees the old or the new one, never half of it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        draft.write_text(json.dumps(data))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
