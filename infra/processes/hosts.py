"""The processes that a supervisor starts. Each runs one heavy role, or all light ones."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.component import Health, Probe, Role
from infra.processes import shared
from infra.processes.pauses import HEALTHY_SECONDS, backoff_seconds
from infra.processes.process import Identity
from infra.processes.running import RoleRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

LIGHT = "light"
"""Name of the process that the light roles share, and of its log."""


@dataclass(slots=True)
class Part:
    """One role and what the supervisor knows about it.

    Attributes:
        was_ready: whether it was ready in any of its processes.
        is_up: whether it was ready since it was started last.
        silent_since: since when it has given no sign of life, though it has once.
    """

    role: Role
    since: float  # seconds since the epoch
    state: str = "waiting"
    detail: str = ""
    was_ready: bool = False
    is_up: bool = False
    deaths: int = 0
    restarts: int = 0
    silent_since: float | None = None  # monotonic

    def record(self, identity: Identity | None) -> RoleRecord:
        """Return what other processes may read about the role."""
        return RoleRecord(
            self.role.name, self.state, identity, self.restarts, self.since, self.detail
        )

    def note_death(self, why: str, pause_seconds: float) -> None:
        """Record that the role has ended, and when to start it again."""
        self.deaths += 1
        self.restarts += 1
        self.state, self.since = "restarting", time.time()
        self.is_up, self.silent_since = False, None
        self.detail = f"{why}, starting again in {pause_seconds:g} s"

    def note_probe(self, probe: Probe) -> None:
        """Record how the role answered its probe."""
        if probe.health is Health.STARTING and self.state == "restarting":
            return  # why the role ended says more than its missing heartbeat
        self.detail = probe.detail
        silent_before, self.silent_since = self.silent_since, None
        # A server that has not answered yet is still loading; a heartbeat that stopped, once began.
        if probe.silent and (self.is_up or probe.health is Health.FAILED):
            self.silent_since = silent_before or time.monotonic()
        match probe.health:
            case Health.OK:
                self.state, self.was_ready, self.is_up = "ready", True, True
            case Health.STARTING:
                self.state = "starting"
            case Health.FAILED:
                # Until its first success a role counts as starting, not as failed.
                self.state = "failed" if self.state in ("ready", "failed") else "starting"


@dataclass(slots=True)
class Host:
    """One process and the roles that run in it."""

    name: str
    parts: Sequence[Part]
    process: subprocess.Popen[bytes] | None = None
    identity: Identity | None = None
    started_at: float = 0.0  # monotonic
    next_start_at: float = 0.0  # monotonic
    deaths: int = 0
    _news: int | None = field(default=None)

    def start(self, command: Callable[[int | None], Sequence[str]], log: IO[bytes]) -> None:
        """Start the process; `command` is given the descriptor to write news of its roles to."""
        write_end = None
        if len(self.parts) > 1:
            self._news, write_end = os.pipe()
            os.set_blocking(self._news, False)
        try:
            self.process = subprocess.Popen(
                list(command(write_end)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[write_end] if write_end is not None else [],
                start_new_session=True,
            )
        finally:
            if write_end is not None:
                os.close(write_end)
        self.identity = Identity.of(self.process.pid)
        self.started_at = time.monotonic()
        for part in self.parts:
            part.state, part.detail, part.since = "starting", "", time.time()

    def news(self) -> list[shared.Ended]:
        """Return the roles that ended while the process goes on."""
        return [] if self._news is None else shared.read(self._news)

    def note_death(self, code: int) -> str:
        """Record that the process has ended; return how."""
        if time.monotonic() - self.started_at > HEALTHY_SECONDS:
            self.deaths = 0
            for part in self.parts:
                part.deaths = 0
        self.deaths += 1
        pause = backoff_seconds(self.deaths)
        self.next_start_at = time.monotonic() + pause
        for part in self.parts:
            part.note_death(f"ended with {describe_exit(code)}", pause)
        self.clear()
        return f"ended with {describe_exit(code)}, starting again in {pause:g} s"

    def kill(self) -> None:
        """Kill the process; the next look finds it dead."""
        if self.identity is not None:
            self.identity.send(signal.SIGKILL)

    def clear(self) -> None:
        """Forget a process that has ended, and kill what is left of its group."""
        if self.identity is not None:
            # Helpers that stayed in the group would keep the role's ports.
            kill_group(self.identity.pid)
        if self._news is not None:
            os.close(self._news)
        self.process = self.identity = self._news = None


def hosts(roles: Sequence[Role], *, share: bool) -> list[Host]:
    """Return the processes that run the roles: one for each, or one for all light ones."""
    parts = [Part(role, since=time.time()) for role in roles]
    light = [part for part in parts if part.role.light]
    if not share or len(light) < 2:
        return [Host(part.role.name, [part]) for part in parts]
    alone = [Host(part.role.name, [part]) for part in parts if not part.role.light]
    return [*alone, Host(LIGHT, light)]


def describe_exit(code: int) -> str:
    """Write an exit code for people: `exit code 3`, or `signal 9`."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def kill_group(group: int) -> None:
    """SIGKILL what is left in a process group of the platform; no error when it is empty."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
