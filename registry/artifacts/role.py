"""Runs the role `artifacts`: signs, replicates, locks and slowly re-reads. Safe to kill anytime.

It looks for work when the audit trail has grown, and every half minute; otherwise it sleeps.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.component import Probe, Role
from infra.errors import NoAccessError, PlatformError
from registry.artifacts.settings import ArtifactSettings

if TYPE_CHECKING:
    from infra.settings import Settings
    from registry.artifacts.bootstrap import Artifacts
    from registry.domain.records import VersionRecord

NAME = "artifacts"
PAUSE_SECONDS = 0.5
LOOK_SECONDS = 30.0
TROUBLE_SECONDS = 5.0
STANDSTILL_SECONDS = 900.0
"""Longer than reading one file between two pulses should ever take."""
PASS_OVER_SECONDS = 600.0
"""How long a version that could not be replicated or repaired is left alone."""
NO_ACCESS_SECONDS = 30.0
"""The same for a version whose store denied access: only a person can grant it."""
BATCH = 20
DAY_MS = 86_400_000

_logger = logging.getLogger(__name__)


class StoppedError(Exception):
    """The role was asked to stop while it was reading."""


@dataclass
class Keeper:
    """Does one process's work, a little at a time."""

    artifacts: Artifacts
    pulse: Callable[[], None]
    stop: threading.Event
    monotonic: Callable[[], float] = time.monotonic
    _seen_event: int = -1
    _looked_at: float = float("-inf")
    _uncopied: dict[str, float] = field(default_factory=dict)
    _unread: dict[str, float] = field(default_factory=dict)

    def round(self) -> bool:
        """Do at most one batch of each kind of work; return whether there was any."""
        if not self._worth_looking():
            return False
        if not self.artifacts.kit.leases.take("keeper"):
            return False
        done = self.artifacts.statements.sign_missing(BATCH)
        done += self.artifacts.replication.lock_missing(BATCH)
        done += self._replicate()
        done += self._check()
        if done:
            # There may be more of it.
            self._looked_at = float("-inf")
        return bool(done)

    def _worth_looking(self) -> bool:
        from infra.stores.db import reading
        from registry.artifacts.adapters import rows

        with reading(self.artifacts.kit.engine) as connection:
            newest = rows.newest_event(connection)
        now = self.monotonic()
        if newest == self._seen_event and now - self._looked_at < LOOK_SECONDS:
            return False
        self._seen_event, self._looked_at = newest, now
        self._uncopied = {uid: until for uid, until in self._uncopied.items() if until > now}
        self._unread = {uid: until for uid, until in self._unread.items() if until > now}
        return True

    def _replicate(self) -> int:
        from infra.stores.db import reading
        from registry.artifacts.adapters import rows
        from registry.artifacts.replication import REPLICA_LEASE

        replica = self.artifacts.kit.replica
        if replica is None:
            return 0
        with reading(self.artifacts.kit.engine) as connection:
            waiting = rows.not_replicated(connection, replica.id, self._uncopied, BATCH)
        if not waiting:
            return 0
        with self.artifacts.kit.leases.held(REPLICA_LEASE) as had:
            if not had:
                return 0
            for record in waiting:
                self._step()
                self.artifacts.kit.leases.take(REPLICA_LEASE)
                self._guarded(record, self._copy, self._uncopied)
        return len(waiting)

    def _copy(self, record: VersionRecord) -> None:
        from infra.stores.db import reading
        from registry.artifacts.adapters import rows

        self.artifacts.replication.replicate(record)
        with reading(self.artifacts.kit.engine) as connection:
            known = rows.checked(connection, record.uid)
        if known is not None and not known.ok:
            # What a scrub by hand found lost may be whole again by that.
            self.artifacts.scrubbing.check(record, lambda _count: self._step())

    def _check(self) -> int:
        from infra.stores.db import reading
        from registry.artifacts.adapters import rows
        from registry.artifacts.scrub import bounded

        chosen = self.artifacts.kit.settings.of(ArtifactSettings)
        before_ms = self.artifacts.kit.now_ms() - int(chosen.scrub_days * DAY_MS)
        with reading(self.artifacts.kit.engine) as connection:
            due = rows.due_for_check(connection, before_ms, self._unread, 1)
        slow = bounded(chosen.scrub_mb_per_second * 1e6, self._sleep)

        def pace(count: int) -> None:
            self._step()
            slow(count)

        for record in due:
            self._guarded(record, lambda r: self._look(r, pace), self._unread)
        return len(due)

    def _look(self, record: VersionRecord, pace: Callable[[int], None]) -> None:
        from registry.domain.values import SYSTEM

        found = self.artifacts.scrubbing.check(record, pace)
        if found.ok:
            return
        _logger.error("%s: %s", record.ref, "; ".join(found.changes[:5]))
        done = self.artifacts.repairing.repair(record, SYSTEM)
        if done.missing:
            _logger.error("%s: quarantined, no copy has %s", record.ref, done.missing[:5])

    def _guarded(
        self,
        record: VersionRecord,
        work: Callable[[VersionRecord], object],
        passed_over: dict[str, float],
    ) -> None:
        try:
            work(record)
        except PlatformError as err:
            if err.retriable:
                raise
            if isinstance(err, NoAccessError):
                _logger.warning("%s: could not be read, will be tried again: %s", record.ref, err)
                passed_over[record.uid] = self.monotonic() + NO_ACCESS_SECONDS
                return
            _logger.error("%s: %s", record.ref, err)
            passed_over[record.uid] = self.monotonic() + PASS_OVER_SECONDS

    def _step(self) -> None:
        if self.stop.is_set():
            raise StoppedError
        self.pulse()

    def _sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        while (left := until - self.monotonic()) > 0:
            self._step()
            self.artifacts.kit.leases.take("keeper")
            self.stop.wait(min(left, 1.0))


def run(settings: Settings, stop: threading.Event) -> None:
    """Keep artifacts until `stop` is set."""
    from infra.processes.loops import Loop, go_round
    from registry.artifacts.bootstrap import open_artifacts

    artifacts = open_artifacts(settings)

    def work(stop: threading.Event, pulse: Callable[[], None]) -> None:
        _keep(Keeper(artifacts, pulse, stop))

    try:
        go_round(settings, NAME, [Loop(NAME, work, STANDSTILL_SECONDS)], stop)
    finally:
        artifacts.kit.engine.dispose()


def _keep(keeper: Keeper) -> None:
    troubles = 0
    try:
        while not keeper.stop.is_set():
            keeper.pulse()
            try:
                busy = keeper.round()
            except PlatformError as err:
                _logger.warning("%s", err)
                troubles = min(troubles + 1, 6)
                _wait(keeper.stop, TROUBLE_SECONDS * troubles, keeper.pulse)
                continue
            troubles = 0
            if not busy:
                keeper.stop.wait(PAUSE_SECONDS)
    except StoppedError:
        _logger.info("stopped in the middle of a version, which is checked again later")


def _wait(stop: threading.Event, seconds: float, pulse: Callable[[], None]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not stop.wait(0.5):
        pulse()


def ready(settings: Settings) -> Probe:
    """Report OK while a live process's loop goes round."""
    from infra.processes.health import beating

    return beating(settings, NAME)


def artifacts_role() -> Role:
    """Return the role's description for the platform."""
    return Role(
        name=NAME,
        summary="signs, replicates and re-reads the files of registered versions",
        run=run,
        ready=ready,
        light=True,
    )
