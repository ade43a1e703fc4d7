"""The state of the platform: each role's process, as recorded, and its readiness, as asked now."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from infra.component import Health, Probe, Role, roles_of_the_platform
from infra.identity import open_mode
from infra.identity.settings import OPEN, IdentitySettings
from infra.processes import running
from infra.processes.readiness import ask
from infra.processes.supervisor import locked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.processes.running import RoleRecord
    from infra.settings import Settings

PROBE_LIMIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class RoleState:
    """One role as it is now.

    Attributes:
        name: of the role.
        state: waiting, starting, ready, failed, restarting or stopped; orphaned when the process
            lives on without its supervisor.
        pid: of its process; None when none runs.
        url: where it can be reached; None when it listens nowhere.
        restarts: times it was started again, >= 0.
        since: start of the process, ISO 8601 in UTC; None when it never ran.
        detail: one line.
    """

    name: str
    state: str
    pid: int | None
    url: str | None
    restarts: int
    since: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class PlatformState:
    """The platform of one storage root as it is now.

    Attributes:
        identity: where callers' names are known from, as ACGS_IDENTITY says.
        notice: what everybody should know of that; empty where names are proven.
    """

    root: str
    running: bool
    pid: int | None
    roles: tuple[RoleState, ...]
    identity: str = OPEN
    notice: str = ""

    @property
    def ready(self) -> bool:
        """Whether it runs and every role is ready."""
        return self.running and all(role.state == "ready" for role in self.roles)


def look(settings: Settings) -> PlatformState:
    """Return the state of a storage root's platform; works from any process."""
    root = settings.storage_root
    owner = running.live_supervisor(root)
    recorded = {record.name: record for record in running.read_roles(root)}
    known = list(roles_of_the_platform().values())
    living = [role for role in known if _lives(recorded.get(role.name))]
    probes = _ask_all(living, settings)
    runs = owner is not None and locked(root)
    return PlatformState(
        root=str(root),
        running=runs,
        pid=owner.identity.pid if owner else None,
        roles=tuple(
            _state(role, settings, recorded.get(role.name), probes.get(role.name), runs)
            for role in known
        ),
        identity=settings.of(IdentitySettings).identity,
        notice=open_mode.notice(settings),
    )


def _lives(record: RoleRecord | None) -> bool:
    return record is not None and record.identity is not None and record.identity.alive()


def _ask_all(asked: Sequence[Role], settings: Settings) -> dict[str, Probe]:
    pool = ThreadPoolExecutor(max_workers=max(len(asked), 1), thread_name_prefix="status")
    try:
        futures = {role.name: pool.submit(ask, role, settings) for role in asked}
        found = {}
        for name, future in futures.items():
            try:
                found[name] = future.result(timeout=PROBE_LIMIT_SECONDS)
            except TimeoutError:
                detail = f"no answer in {PROBE_LIMIT_SECONDS:g} s"
                found[name] = Probe(name, Health.FAILED, detail)
        return found
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _state(
    role: Role,
    settings: Settings,
    record: RoleRecord | None,
    probe: Probe | None,
    supervised: bool,
) -> RoleState:
    url = role.url(settings)
    if record is None:
        return RoleState(role.name, "stopped", None, url, 0, None, "")
    since = datetime.fromtimestamp(record.since, UTC).isoformat(timespec="seconds")
    if probe is None:
        # The record of a process that has gone may be one tick old.
        state = record.state if record.identity is None else "restarting"
        detail = record.detail
        if not supervised:
            # Its record was left by a supervisor that was killed: nothing starts it again.
            state, detail = "stopped", "its supervisor has gone"
        return RoleState(role.name, state, None, url, record.restarts, since, detail)
    pid = record.identity.pid if record.identity else None
    word = _word(record, probe) if supervised else "orphaned"
    return RoleState(role.name, word, pid, url, record.restarts, since, probe.detail)


def _word(record: RoleRecord, probe: Probe) -> str:
    match probe.health:
        case Health.OK:
            return "ready"
        case Health.STARTING:
            return "starting"
        case Health.FAILED:
            return "starting" if record.state == "starting" else "failed"
