"""Runs several light roles in one process, each in a thread of its own.

A role that fails is started again alone, with growing pauses; the others go on. A thread cannot be
killed: a role that stands still is started again with the whole process, by the supervisor.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from infra.component import Role
from infra.errors import PlatformError
from infra.processes.health import forget_beat
from infra.processes.pauses import HEALTHY_SECONDS, backoff_seconds

if TYPE_CHECKING:
    from infra.settings import Settings

TICK_SECONDS = 0.1
STOP_SECONDS = 9.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """A role has ended in a process that goes on.

    Attributes:
        role: its name.
        why: what ended it, in one line.
        pause_seconds: until it is started again.
    """

    role: str
    why: str
    pause_seconds: float


Tell = Callable[[Ended], None]


def teller(descriptor: int | None) -> Tell:
    """Return a function that writes a JSON line per ended role; a no-op without a descriptor."""
    if descriptor is None:
        return lambda _ended: None

    def tell(ended: Ended) -> None:
        # A supervisor that has gone: this process ends soon.
        with contextlib.suppress(BrokenPipeError):
            os.write(descriptor, json.dumps(asdict(ended)).encode() + b"\n")

    return tell


def read(descriptor: int) -> list[Ended]:
    """Read what `teller` has written so far; the descriptor does not block."""
    try:
        text = os.read(descriptor, 1 << 16)
    except BlockingIOError:
        return []
    return [Ended(**json.loads(line)) for line in text.splitlines()]


def run(roles: Sequence[Role], settings: Settings, stop: threading.Event, tell: Tell) -> None:
    """Run roles until `stop` is set."""
    seats = [_Seat(role, settings, stop) for role in roles]
    while not stop.wait(TICK_SECONDS):
        for seat in seats:
            ended = seat.step()
            if ended is not None:
                tell(ended)
    limit = time.monotonic() + STOP_SECONDS
    for seat in seats:
        seat.join(limit - time.monotonic())


@dataclass(slots=True)
class _Seat:
    """One role's place in the process, and the thread that fills it."""

    role: Role
    settings: Settings
    stop: threading.Event
    thread: threading.Thread | None = None
    failure: BaseException | None = None
    deaths: int = 0
    started_at: float = 0.0  # monotonic
    next_start_at: float = field(default=0.0)  # monotonic

    def step(self) -> Ended | None:
        """Start the role if it is time; return how it ended, if it has just ended."""
        now = time.monotonic()
        if self.thread is None:
            if now >= self.next_start_at:
                self._start()
            return None
        if self.thread.is_alive() or self.stop.is_set():
            return None
        self.thread = None
        if now - self.started_at > HEALTHY_SECONDS:
            self.deaths = 0
        self.deaths += 1
        pause = backoff_seconds(self.deaths)
        self.next_start_at = now + pause
        # Its last heartbeat holds no longer, though its process lives.
        forget_beat(self.settings, self.role.name)
        return Ended(self.role.name, self._why(), pause)

    def join(self, seconds: float) -> None:
        if self.thread is not None:
            self.thread.join(max(seconds, 0))

    def _start(self) -> None:
        self.failure, self.started_at = None, time.monotonic()
        self.thread = threading.Thread(target=self._run, name=self.role.name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        _logger.info("role %s starts", self.role.name)
        try:
            self.role.run(self.settings, self.stop)
        except PlatformError as err:
            self.failure = err
            _logger.error("role %s: error [%s]: %s", self.role.name, err.code, err)
        except BaseException as err:
            self.failure = err
            _logger.exception("role %s failed", self.role.name)

    def _why(self) -> str:
        if self.failure is None:
            return "ended by itself"
        line = str(self.failure).partition("\n")[0][:500]
        return f"ended with {type(self.failure).__name__}: {line}"
