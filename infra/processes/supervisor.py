"""Starts the processes that run the roles, watches them, and restarts those that die.

A heavy role has a process of its own; the light ones share one (`infra.processes.hosts`). A role
that gives no sign of life for long has its process killed and started again.

The supervisor owns its storage root through a file lock, which the kernel drops with the
process, and writes down every process it starts. So after `kill -9` of it nothing is locked,
and the next run knows what to end first.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from infra.component import Role
from infra.errors import AlreadyRunningError, PlatformError
from infra.processes import running
from infra.processes.hosts import Host, Part, hosts
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
HANG_SECONDS = 20.0
"""How long a role may be silent, beyond the time that its probe waits."""
TAIL_LINES = 12

_logger = logging.getLogger(__name__)

Command = Callable[[Sequence[Role], int | None], Sequence[str]]
Watch = Callable[[Sequence[RoleRecord]], None]


class RoleStartError(PlatformError):
    """A role did not become ready, so the run was given up."""

    code = "infra.role_start_failed"


def role_command(roles: Sequence[Role], report_to: int | None) -> Sequence[str]:
    """Return the command that runs roles; `-P` keeps the working directory off its path."""
    report = [] if report_to is None else ["--report-to", str(report_to)]
    names = [role.name for role in roles]
    parent = ["--parent", str(os.getpid())]
    return [sys.executable, "-P", "-m", "infra", "run", *names, *parent, *report]


@contextmanager
def owning(settings: Settings, flags: Mapping[str, str]) -> Generator[list[str]]:
    """Own the storage root for the block, as its only supervisor.

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
    """Return the error that says who owns a storage root."""
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
    """End what a dead run left behind and forget its records; return what still lived."""
    left = [role for role in running.read_roles(root) if role.identity and role.identity.alive()]
    end((role.identity for role in left if role.identity), grace_seconds=REAP_GRACE_SECONDS)
    names = [role.name for role in left]
    names += [child.name for child in end_children(root, grace_seconds=REAP_GRACE_SECONDS)]
    running.forget(root)
    return names


class Supervisor:
    """Keeps a set of roles running until `stop` is set.

    Args:
        settings: of the platform.
        roles: in any order; each waits for those it names in `after`, as far as they are given.
        command: command line of the process that runs some roles, given the descriptor to which
            it writes how they end.
        start_limit_seconds: time the roles have, together, to become ready.
        hang_seconds: how long a role may give no sign of life.
    """

    def __init__(
        self,
        settings: Settings,
        roles: Sequence[Role],
        *,
        command: Command = role_command,
        start_limit_seconds: float = START_LIMIT_SECONDS,
        hang_seconds: float = HANG_SECONDS,
    ) -> None:
        self._settings = settings
        self._hosts = hosts(roles, share=settings.share_process)
        found = {part.role.name: part for host in self._hosts for part in host.parts}
        self._parts = {role.name: found[role.name] for role in roles}
        self._host_of = {part.role.name: host for host in self._hosts for part in host.parts}
        self._command = command
        self._start_limit_seconds = start_limit_seconds
        self._hang_seconds = hang_seconds
        self._written: list[RoleRecord] = []

    @property
    def ready(self) -> bool:
        """Whether every role is ready."""
        return all(part.state == "ready" for part in self._parts.values())

    def records(self) -> list[RoleRecord]:
        """Return what is known about each role now."""
        return [part.record(self._host_of[name].identity) for name, part in self._parts.items()]

    def run(self, stop: threading.Event, watch: Watch = lambda _records: None) -> None:
        """Run the roles until the event is set; all of them have ended on return.

        Args:
            stop: ends the run.
            watch: called with the records at every tick.

        Raises:
            RoleStartError: a role did not become ready at the start.
        """
        prober = Prober(self._settings)
        limit = time.monotonic() + self._start_limit_seconds
        all_were_ready = False
        try:
            while not stop.is_set():
                for host in self._hosts:
                    self._step(host, prober)
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

    def _step(self, host: Host, prober: Prober) -> None:
        if host.process is None:
            if time.monotonic() >= host.next_start_at and self._may_start(host):
                self._start(host)
            return
        self._note_news(host, prober)
        code = host.process.poll()
        if code is not None:
            for part in host.parts:
                prober.forget(part.role)
            _logger.warning("process %s %s", host.name, host.note_death(code))
            return
        for part in host.parts:
            probe = prober.latest(part.role, settled=part.state == "ready")
            if probe is not None:
                part.note_probe(probe)
        self._kill_if_hanging(host)

    def _may_start(self, host: Host) -> bool:
        # A role that dies later must not hold back others that only needed it to begin.
        here = {part.role.name for part in host.parts}
        needed = {name for part in host.parts for name in part.role.after} - here
        return all(self._parts[name].was_ready for name in needed if name in self._parts)

    def _start(self, host: Host) -> None:
        roles = [part.role for part in host.parts]
        with open_log(self._settings, host.name) as log:
            host.start(lambda write_end: self._command(roles, write_end), log)
        self._write()

    def _note_news(self, host: Host, prober: Prober) -> None:
        for ended in host.news():
            part = self._parts[ended.role]
            prober.forget(part.role)
            part.note_death(ended.why, ended.pause_seconds)
            _logger.warning("role %s %s", ended.role, part.detail)

    def _kill_if_hanging(self, host: Host) -> None:
        now = time.monotonic()
        for part in host.parts:
            silent = part.silent_since
            if silent is not None and now - silent > self._hang_seconds:
                _logger.warning("role %s hangs (%s), killed", part.role.name, part.detail)
                host.kill()
                return

    def _give_up_if_hopeless(self, limit: float) -> None:
        for part in self._parts.values():
            if not part.was_ready and part.deaths > EARLY_DEATHS_ALLOWED:
                raise self._start_error(part, f"found that it ended {part.deaths} times")
            if time.monotonic() > limit and part.state != "ready":
                waited = f"after {self._start_limit_seconds:g} s it is {part.state}"
                raise self._start_error(part, f"found that {waited} ({part.detail})")

    def _start_error(self, part: Part, found: str) -> RoleStartError:
        host = self._host_of[part.role.name]
        return start_error(self._settings, part.role.name, found, log_name=host.name)

    def _write(self) -> None:
        records = self.records()
        if records != self._written:
            running.write_roles(self._settings.storage_root, records)
            self._written = records

    def _end_all(self) -> None:
        # The light roles, which depend on the others, end first; the first started ends last.
        for host in reversed(self._hosts):
            if host.process is not None and host.identity is not None:
                end([host.identity], grace_seconds=GRACE_SECONDS)
                host.process.wait()
                host.clear()
            for part in host.parts:
                part.state, part.detail = "stopped", ""


def start_error(
    settings: Settings, name: str, found: str, *, log_name: str | None = None
) -> RoleStartError:
    """Return the error that says which role failed, with the end of its log (or the one named)."""
    path = log_path(settings, log_name or name)
    lines = path.read_text(errors="replace").splitlines()[-TAIL_LINES:] if path.exists() else []
    tail = "".join(f"\n    {line}" for line in lines)
    return RoleStartError(
        f"role {name!r}: expected it to become ready, {found}; last lines of {path}:{tail}",
        hint=f"run it alone to see more: acgs run {name}",
    )


def log_path(settings: Settings, name: str) -> Path:
    """Return the log file of a role (or of the supervisor)."""
    return settings.folder("logs") / f"{name}.log"


def open_log(settings: Settings, name: str) -> IO[bytes]:
    """Open a log to append to, for its owner alone."""
    path = log_path(settings, name)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return os.fdopen(descriptor, "ab")
