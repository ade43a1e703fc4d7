"""Gives a record to every governed version that plain MLflow registered.

Takes models by name and a model's versions by number: a semantic version says what changed since
the one before. A batch of one model is one transaction, so a process may be killed at any line: a
version without a record afterwards still waits. Writes nothing that plain MLflow reads: its pages
show a version's record once a governed action touches the version.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from infra.clock import Clock, to_millis, utc_now
from infra.errors import UnavailableError
from infra.processes.leases import Leases, this_process
from infra.stores.db import reading, transaction
from registry.adoption.adapters import progress
from registry.adoption.adapters.progress import BackfillProgress
from registry.bootstrap import Registry
from registry.domain.records import VersionRecord
from registry.stages.adapters import places

ACTOR = "acgs"
BATCH = 50
"""Versions of one model in one transaction."""
LEASE_MS = 60_000
REPORT_EVERY_SECONDS = 10.0

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Backfill:
    """Runs the back-fill in one process; a lease lets only one process work at a time.

    Attributes:
        share: part of the time that it works, in (0, 1]; the rest it pauses.
        actor: in whose name the audit trail keeps it.
        holder: who has the lease while it works.
    """

    registry: Registry
    share: float = 1.0
    actor: str = ACTOR
    clock: Clock = utc_now
    pause: Callable[[float], object] = time.sleep
    report: Callable[[int], None] = lambda _recorded: None
    holder: str = field(default_factory=this_process)

    def waiting(self) -> dict[str, int]:
        """Return how many versions of each governed model wait for a record."""
        governance = self.registry.governance.current()
        with reading(self.registry.engine) as connection:
            return progress.waiting(connection, governance.governs)

    def progress(self) -> BackfillProgress:
        """Return the back-fill's progress."""
        with reading(self.registry.engine) as connection:
            return progress.read(connection, self._now())

    def work(self, stop: threading.Event, only: str | None = None) -> int:
        """Record the versions that wait, and return how many got a record.

        Does nothing while another process works.

        Args:
            stop: ends it after the batch at hand.
            only: one model's name; None means all.

        Raises:
            UnavailableError: a store does not answer. Models with files elsewhere are done.
        """
        if not self._hold():
            return 0
        try:
            names = self.waiting()
            with transaction(self.registry.engine) as connection:
                if names:
                    progress.begin(connection, sum(names.values()), self._now())
            done = self._work_through(names, stop, only)
            if not stop.is_set() and not self.waiting():
                with transaction(self.registry.engine) as connection:
                    progress.finish(connection, self._now())
            return done
        finally:
            self._leases.release(progress.LEASE)

    def _work_through(self, names: dict[str, int], stop: threading.Event, only: str | None) -> int:
        done, total = 0, sum(names.values())
        unavailable: UnavailableError | None = None
        began = reported_at = time.monotonic()
        for name in names if only is None else [only]:
            while not stop.is_set():
                started = time.monotonic()
                try:
                    count = self._batch(name)
                except UnavailableError as err:
                    # Its files' store may never come back; the next model's may be there.
                    unavailable = err
                    break
                if not count:
                    break
                done += count
                self.report(count)
                now = time.monotonic()
                if now - reported_at >= REPORT_EVERY_SECONDS:
                    reported_at = now
                    _tell(done, total, now - began)
                self.pause((now - started) * (1 / self.share - 1))
            if stop.is_set() or not self._hold():
                break
        if done:
            _tell(done, total, time.monotonic() - began)
        if unavailable is not None:
            raise unavailable
        return done

    def _batch(self, name: str) -> int:
        """Record a model's oldest versions that have no record; return 0 when none is left."""
        with reading(self.registry.engine) as connection:
            numbers = places.unrecorded_numbers(connection, name, BATCH)
        if not numbers or not self._hold():
            return 0
        return len(
            self.registry.takeover.take_over(name, numbers, self.actor, shown=False, then=_advance)
        )

    def _hold(self) -> bool:
        return self._leases.take(progress.LEASE)

    @property
    def _leases(self) -> Leases:
        return Leases(self.registry.engine, progress.LEASES, LEASE_MS, self.holder, self.clock)

    def _now(self) -> int:
        return to_millis(self.clock())


def _advance(connection: Connection, made: Sequence[VersionRecord]) -> None:
    unreadable = sum(1 for record in made if record.manifest_digest is None)
    progress.advance(connection, len(made), unreadable)


def _tell(done: int, total: int, seconds: float) -> None:
    rate = done / seconds if seconds else 0.0
    left = f", about {(total - done) / rate:.0f} s left" if rate and done < total else ""
    _logger.info(
        "recorded %s of %s versions that plain MLflow registered, %.0f a second%s",
        f"{done:,}", f"{total:,}", rate, left,
    )  # fmt: skip
