"""Runs a role that listens nowhere: its loops in threads, with a heartbeat while all go round.

A role beats from its own thread, so that a long round does not look like a dead process, and stops
beating once a loop stands still, so that `acgs status` shows it and the supervisor acts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.processes.health import beat

if TYPE_CHECKING:
    from infra.settings import Settings

BEAT_SECONDS = 0.5
STOP_SECONDS = 8.0

_logger = logging.getLogger(__name__)

Pulse = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Loop:
    """Work of a role.

    Attributes:
        name: of its thread.
        run: works until the event is set; calls the pulse each time round.
        standstill_seconds: longest that one round may rightly take.
    """

    name: str
    run: Callable[[threading.Event, Pulse], None]
    standstill_seconds: float


def go_round(
    settings: Settings,
    role_name: str,
    loops: Sequence[Loop],
    stop: threading.Event,
    *,
    not_yet: Callable[[], str] = lambda: "",
) -> None:
    """Run loops until `stop` is set, and beat for the role meanwhile.

    A loop that ends or raises unexpectedly ends the others and the role,
    which is then started again: its state is in the database.

    Args:
        settings: of the platform.
        role_name: whose heartbeat it is.
        loops: its work; none for a role that has nothing to do.
        stop: ends it.
        not_yet: says what keeps the role from doing its job yet; empty once it does its job.
        Called at each beat, so it does no I/O.

    Raises:
        BaseException: what ended a loop.
    """
    ended = threading.Event()
    workers = [_Worker(loop, ended) for loop in loops]
    try:
        while all(worker.thread.is_alive() for worker in workers):
            if all(worker.goes_round() for worker in workers):
                beat(settings, role_name, not_yet=not_yet())
            if stop.wait(BEAT_SECONDS):
                break
    finally:
        ended.set()
        limit = time.monotonic() + STOP_SECONDS
        for worker in workers:
            worker.thread.join(max(limit - time.monotonic(), 0))
    for worker in workers:
        if worker.failure is not None:
            _logger.error("the %s loop failed", worker.loop.name)
            raise worker.failure


@dataclass(slots=True)
class _Worker:
    loop: Loop
    stop: threading.Event
    failure: BaseException | None = None
    last_round: float = field(default_factory=time.monotonic)
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, name=self.loop.name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.loop.run(self.stop, self._pulse)
        except BaseException as err:
            self.failure = err

    def _pulse(self) -> None:
        self.last_round = time.monotonic()

    def goes_round(self) -> bool:
        return time.monotonic() - self.last_round < self.loop.standstill_seconds
