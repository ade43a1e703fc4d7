"""One process per role, started in order, watched, started again when they die.

The supervisor owns its storage root through a file lock, which the kernel drops with the
process, and writes down every process it starts. So after `kill -9` of it nothing is locked,
and the next run knows what to end first.
"""

from __future__ import annotations

import fcntl
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from infra.component import Health, Probe, Role
from infra.errors import AlreadyRunningError, PlatformError
from infra.processes import running
from infra.processes.process import Identity, end, end_children
from infra.processes.readiness import Prober
from infra.processes.running import RoleRecord, SupervisorRecord
from infra.settings import Settings

LOCK_FILE = "supervisor.lock"
TICK_SECONDS = 0.1
GRACE_SECONDS = 10.0
REAP_GRACE_SECONDS = 4.0
START_LIMIT_SECONDS = 120.0
EARLY_DEATHS_ALLOWED = 2
BACKOFF_FIRST_SECONDS = 0.5
BACKOFF_LAST_SECONDS = 30.0
HEALTHY_SECONDS = 60.0
TAIL_LINES = 12

_logger = logging.getLogger(__name__)

Command = Callable[[Role], Sequence[str]]
Watch = Callable[[Sequence[RoleRecord]], None]


class RoleStartError(PlatformError):
    """A role does not become ready; the run is given up."""

    code = "infra.role_start_failed"


def role_command(role: Role) -> Sequence[str]:
    """Command of the process that runs a role; `-P` keeps the working directory off its path."""
    return [sys.executable, "-P", "-m", "infra", "run", role.name, "--parent", str(os.getpid())]


def backoff_seconds(deaths: int) -> float:
    """Pause before the next start after `deaths` >= 1 deaths in a row: doubling, capped."""
    return float(min(BACKOFF_FIRST_SECONDS * 2 ** (deaths - 1), BACKOFF_LAST_SECONDS))


@contextmanager
def owning(settings: Settings, flags: Mapping[str, str]) -> Generator[list[str]]:
    """Own the storage root: nobody else may supervise it meanwhile.

    What a dead run left behind is ended first; the block gets the names of what still lived.

    Raises:
        AlreadyRunningError: a live run owns it.
    """
    root = settings.storage_root
    with (settings.folder("run") / LOCK_FILE).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise already_running(root) from err
        left = reap(root)
        me = SupervisorRecord(Identity.mine(), time.time(), dict(flags))
        running.write_supervisor(root, me)
        try:
            yield left
        finally:
            end_children(root, grace_seconds=GRACE_SECONDS)
            running.forget(root)


def already_running(root: Path) -> AlreadyRunningError:
    """Error that says who owns a storage root."""
    owner = running.live_supervisor(root)
    who = f"process {owner.identity.pid}" if owner else "another process, which is just starting"
    return AlreadyRunningError(
        f"storage root {root}: expected no live run, found that {who} runs the platform there",
        hint="stop it with `acgs down`, or choose another folder with --storage-root",
    )


def locked(root: Path) -> bool:
    """Whether a live supervisor owns the storage root."""
    try:
        with (root / "run" / LOCK_FILE).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (FileNotFoundError, NotADirectoryError):
        return False
    return False


def reap(root: Path) -> list[str]:
    """End what a dead run left behind and forget its records; return the names of what lived."""
    left = [role for role in running.read_roles(root) if role.identity and role.identity.alive()]
    end((role.identity for role in left if role.identity), grace_seconds=REAP_GRACE_SECONDS)
    names = [role.name for role in left]
    names += [child.name for child in end_children(root, grace_seconds=REAP_GRACE_SECONDS)]
    running.forget(root)
    return names


@dataclass(slots=True)
class _Part:
    """One role and the process that is to run it."""

    role: Role
    process: subprocess.Popen[bytes] | None = None
    identity: Identity | None = None
    started_at: float = 0.0  # monotonic
    since: float = 0.0
    next_start_at: float = 0.0  # monotonic
    was_ready: bool = False
    deaths: int = 0
    restarts: int = 0
    state: str = "waiting"
    detail: str = ""

    def record(self) -> RoleRecord:
        return RoleRecord(
            self.role.name, self.state, self.identity, self.restarts, self.since, self.detail
        )


class Supervisor:
    """Keeps a set of roles running until told to stop.

    Args:
        settings: of the platform.
        roles: in any order; each waits for those it names in `after`, as far as they are given.
        command: command line of the process that runs a role.
        start_limit_seconds: time the roles have, together, to become ready.
    """

    def __init__(
        self,
        settings: Settings,
        roles: Sequence[Role],
        *,
        command: Command = role_command,
        start_limit_seconds: float = START_LIMIT_SECONDS,
    ) -> None:
        self._settings = settings
        self._parts = {role.name: _Part(role, since=time.time()) for role in roles}
        self._command = command
        self._start_limit_seconds = start_limit_seconds
        self._written: list[RoleRecord] = []

    @property
    def ready(self) -> bool:
        """Whether every role is ready."""
        return all(part.state == "ready" for part in self._parts.values())

    def records(self) -> list[RoleRecord]:
        """What is known about each role now."""
        return [part.record() for part in self._parts.values()]

    def run(self, stop: threading.Event, watch: Watch = lambda _records: None) -> None:
        """Run the roles until the event is set; all of them have ended on return.

        Args:
            stop: ends the run.
            watch: told the records at every tick.

        Raises:
            RoleStartError: a role did not become ready at the start.
        """
        prober = Prober(self._settings)
        limit = time.monotonic() + self._start_limit_seconds
        all_were_ready = False
        try:
            while not stop.is_set():
                for part in self._parts.values():
                    self._step(part, prober)
                self._write()
                watch(self.records())
                all_were_ready = all_were_ready or self.ready
                if not all_were_ready:
                    self._give_up_if_hopeless(limit)
                stop.wait(TICK_SECONDS)
        finally:
            prober.close()
            self._end_all()
            watch(self.records())

    def _step(self, part: _Part, prober: Prober) -> None:
        if part.process is None:
            if time.monotonic() >= part.next_start_at and self._may_start(part):
                self._start(part)
            return
        code = part.process.poll()
        if code is not None:
            prober.forget(part.role)
            self._note_death(part, code)
            return
        probe = prober.latest(part.role, settled=part.state == "ready")
        if probe is not None:
            self._note_probe(part, probe)

    def _may_start(self, part: _Part) -> bool:
        # A role that dies later must not hold back others that only needed it to begin.
        return all(self._parts[name].was_ready for name in part.role.after if name in self._parts)

    def _start(self, part: _Part) -> None:
        log = open_log(self._settings, part.role.name)
        with log:
            part.process = subprocess.Popen(
                list(self._command(part.role)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        part.identity = Identity.of(part.process.pid)
        part.started_at, part.since = time.monotonic(), time.time()
        part.state, part.detail = "starting", ""
        self._write()

    def _note_death(self, part: _Part, code: int) -> None:
        if part.state == "ready" and time.monotonic() - part.started_at > HEALTHY_SECONDS:
            part.deaths = 0
        part.deaths += 1
        part.restarts += 1
        pause = backoff_seconds(part.deaths)
        part.detail = f"ended with {describe_exit(code)}, starting again in {pause:g} s"
        _logger.warning("role %s %s", part.role.name, part.detail)
        if part.identity is not None:
            # Its helpers, as far as they stayed in its group, would keep its ports.
            kill_group(part.identity.pid)
        part.process = part.identity = None
        part.state, part.since = "restarting", time.time()
        part.next_start_at = time.monotonic() + pause

    def _note_probe(self, part: _Part, probe: Probe) -> None:
        part.detail = probe.detail
        match probe.health:
            case Health.OK:
                part.state, part.was_ready = "ready", True
                if time.monotonic() - part.started_at > HEALTHY_SECONDS:
                    part.deaths = 0
            case Health.STARTING:
                part.state = "starting"
            case Health.FAILED:
                # Until its first success a role merely has not come up yet.
                part.state = "failed" if part.state in ("ready", "failed") else "starting"

    def _give_up_if_hopeless(self, limit: float) -> None:
        for part in self._parts.values():
            name = part.role.name
            if not part.was_ready and part.deaths > EARLY_DEATHS_ALLOWED:
                raise start_error(self._settings, name, f"found that it ended {part.deaths} times")
            if time.monotonic() > limit and part.state != "ready":
                waited = f"after {self._start_limit_seconds:g} s it is {part.state}"
                raise start_error(self._settings, name, f"found that {waited} ({part.detail})")

    def _write(self) -> None:
        records = self.records()
        if records != self._written:
            running.write_roles(self._settings.storage_root, records)
            self._written = records

    def _end_all(self) -> None:
        # Last started, first ended: nobody loses what it depends on before it has stopped.
        for part in reversed(self._ordered()):
            if part.process is not None and part.identity is not None:
                end([part.identity], grace_seconds=GRACE_SECONDS)
                part.process.wait()
                kill_group(part.identity.pid)
                part.process = part.identity = None
            part.state, part.detail = "stopped", ""

    def _ordered(self) -> list[_Part]:
        return sorted(self._parts.values(), key=lambda part: part.started_at)


def start_error(settings: Settings, name: str, found: str) -> RoleStartError:
    """Error that says which role failed, with the end of its log."""
    path = log_path(settings, name)
    lines = path.read_text(errors="replace").splitlines()[-TAIL_LINES:] if path.exists() else []
    tail = "".join(f"\n    {line}" for line in lines)
    return RoleStartError(
        f"role {name!r}: expected it to become ready, {found}; last lines of {path}:{tail}",
        hint=f"run it alone to see more: acgs run {name}",
    )


def describe_exit(code: int) -> str:
    """Exit code for people: `exit code 3`, or `signal 9`."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def kill_group(group: int) -> None:
    """SIGKILL what is left in a process group that we made; no error when it is empty."""
    try:
        os.killpg(group, 9)
    except (ProcessLookupError, PermissionError):
        return


def log_path(settings: Settings, name: str) -> Path:
    """Log file of a role (or of the supervisor)."""
    return settings.folder("logs") / f"{name}.log"


def open_log(settings: Settings, name: str) -> IO[bytes]:
    """Open a log to append to, for its owner alone."""
    path = log_path(settings, name)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return os.fdopen(descriptor, "ab")
