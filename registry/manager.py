"""The role `manager`: delivers the outbox and settles requests. Safe to kill at any line."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from infra.component import Probe, Role
from infra.settings import Settings

NAME = "manager"
BEAT_SECONDS = 1.0
BEAT_MAX_AGE_SECONDS = 10.0
# Longer than a loop may rightly take for one round: SQLite waits 20 s for a locked database.
STANDSTILL_SECONDS = 60.0

_logger = logging.getLogger(__name__)

Loop = Callable[[threading.Event, Callable[[], None]], None]


@dataclass(slots=True)
class _Worker:
    """A loop in a thread of its own, and when it last came round."""

    name: str
    loop: Loop
    stop: threading.Event
    last_round: float = field(default_factory=time.monotonic)
    failure: BaseException | None = None
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.loop(self.stop, self._pulse)
        except BaseException as err:
            self.failure = err

    def _pulse(self) -> None:
        self.last_round = time.monotonic()

    def going_round(self) -> bool:
        return time.monotonic() - self.last_round < STANDSTILL_SECONDS


def run(settings: Settings, stop: threading.Event) -> None:
    """Run both loops until `stop` is set.

    A loop that fails for a reason nobody foresaw ends the role: its supervisor starts it anew,
    and the state is in the database.
    """
    from infra.processes.health import beat
    from infra.secrets import Sealer
    from infra.stores.db import open_engine
    from registry.bootstrap import open_registry
    from registry.gate.settlement import SettlingLoop
    from registry.webhooks.deliveries import DeliveryLoop

    engine = open_engine(settings.sqlalchemy_url)
    mine = threading.Event()
    workers = [
        _Worker("delivery", DeliveryLoop(engine, Sealer(settings)).run, mine),
        _Worker("settling", SettlingLoop(open_registry(settings).gate, engine).run, mine),
    ]
    try:
        while all(worker.thread.is_alive() for worker in workers):
            # No heartbeat while a loop stands still: `acgs status` must show it.
            if all(worker.going_round() for worker in workers):
                beat(settings, NAME)
            if stop.wait(BEAT_SECONDS):
                break
    finally:
        mine.set()
        for worker in workers:
            worker.thread.join(timeout=10)
        engine.dispose()
    for worker in workers:
        if worker.failure is not None:
            _logger.error("the %s loop failed", worker.name)
            raise worker.failure


def ready(settings: Settings) -> Probe:
    """OK while a live manager's loops go round."""
    from infra.processes.health import beating

    return beating(settings, NAME, max_age_seconds=BEAT_MAX_AGE_SECONDS)


def manager_role() -> Role:
    """Describe the role to the platform."""
    return Role(
        name=NAME,
        summary="delivers webhooks and settles transition requests",
        run=run,
        ready=ready,
        after=("registry",),
    )
