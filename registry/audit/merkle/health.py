"""Reports whether the audit log is signed, and how far it is behind; from the database alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from infra.clock import Clock, to_millis, utc_now
from infra.component import Health, Probe
from infra.stores.db import open_engine, reading
from registry.audit.merkle.adapters import leaves
from registry.audit.merkle.adapters.leaves import Remembered, Waiting
from registry.audit.merkle.settings import AuditSettings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from infra.settings import Settings

NAME, WITNESS, MIRROR = "audit.log", "audit.witness", "audit.mirror"
LATE_SECONDS = 60.0
"""Age from which an event without a checkpoint needs a person's attention."""


def probes(settings: Settings, clock: Clock = utc_now) -> Iterable[Probe]:
    """Report whether events are signed."""
    engine = open_engine(settings.sqlalchemy_url)
    try:
        known, waiting = _read(engine)
    finally:
        engine.dispose()
    chosen, now_ms = settings.of(AuditSettings), to_millis(clock())
    return [
        judged(known, waiting, now_ms),
        judged_witness(known, chosen.witness, now_ms),
        judged_mirror(known, chosen.mirror, now_ms),
    ]


def judged(known: Remembered, waiting: Waiting, now_ms: int) -> Probe:
    """Judge the log: report why nothing is signed, else how many events are."""
    if known.error is not None:
        said = " ".join(known.error.split())
        return Probe(NAME, Health.FAILED, f"nothing is signed, {waiting.count} events wait: {said}")
    lag = lag_seconds(waiting, now_ms)
    if lag > LATE_SECONDS:
        detail = f"{waiting.count} events wait, the first for {lag:.0f} s; does the manager run?"
        return Probe(NAME, Health.FAILED, detail)
    return Probe(NAME, Health.OK, f"{known.size} events signed, {waiting.count} wait")


def judged_witness(known: Remembered, url: str, now_ms: int) -> Probe:
    """Judge how far the witness is: report why nothing is cosigned, else how much is."""
    if not url:
        return Probe(WITNESS, Health.OK, "no witness: ACGS_AUDIT_WITNESS is not set")
    done = _Follower("cosigned", known.cosigned_size, known.cosigned_ms, known.witness_error)
    return _followed(WITNESS, known, done, now_ms)


def judged_mirror(known: Remembered, uri: str, now_ms: int) -> Probe:
    """Judge how far the mirror is: report why nothing is copied, else how much is."""
    if not uri:
        return Probe(MIRROR, Health.OK, "no mirror: ACGS_AUDIT_MIRROR is not set")
    done = _Follower("copied", known.mirrored_size, known.mirrored_ms, known.mirror_error)
    return _followed(MIRROR, known, done, now_ms)


@dataclass(frozen=True, slots=True)
class _Follower:
    """How far something follows the log: what it did with how many events, when, and why not."""

    what: str
    size: int
    at_ms: int | None
    error: str | None


def _followed(name: str, known: Remembered, done: _Follower, now_ms: int) -> Probe:
    waiting = known.size - done.size
    if done.error is not None:
        said = " ".join(done.error.split())
        return Probe(name, Health.FAILED, f"{waiting} events are not {done.what}: {said}")
    newest_ms = max(known.signed_ms or 0, done.at_ms or 0)
    if waiting and now_ms - newest_ms > LATE_SECONDS * 1000:
        detail = f"{waiting} events are not {done.what}; does the manager run?"
        return Probe(name, Health.FAILED, detail)
    return Probe(name, Health.OK, f"{done.size} events {done.what}, {waiting} wait")


def lag_seconds(waiting: Waiting, now_ms: int) -> float:
    """Return the age of the first event that waits for a checkpoint; 0 if none does."""
    return 0.0 if waiting.oldest_ms is None else max(0.0, (now_ms - waiting.oldest_ms) / 1000)


class LogCollector(Collector):
    """Reports size and lag of the audit log."""

    def __init__(self, engine: Engine, clock: Clock = utc_now) -> None:
        self.engine = engine
        self.clock = clock

    def describe(self) -> Iterable[Metric]:
        """Name no series in advance, so that registering reads nothing."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Read every series."""
        known, waiting = _read(self.engine)
        yield GaugeMetricFamily(
            "acgs_audit_signed_events", "Events under a signed checkpoint.", value=known.size
        )
        yield GaugeMetricFamily(
            "acgs_audit_waiting_events", "Events that no checkpoint covers.", value=waiting.count
        )
        yield GaugeMetricFamily(
            "acgs_audit_lag_seconds",
            "Age of the first event that no checkpoint covers; 0 when all are covered.",
            value=lag_seconds(waiting, to_millis(self.clock())),
        )
        yield GaugeMetricFamily(
            "acgs_audit_cosigned_events",
            "Events under a checkpoint that a witness cosigned.",
            value=known.cosigned_size,
        )
        yield GaugeMetricFamily(
            "acgs_audit_mirrored_events", "Events in the log's mirror.", value=known.mirrored_size
        )
        yield GaugeMetricFamily(
            "acgs_audit_broken",
            "1 while files and database contradict each other and nothing is signed.",
            value=float(known.error is not None),
        )


def _read(engine: Engine) -> tuple[Remembered, Waiting]:
    with reading(engine) as connection:
        known = leaves.remembered(connection)
        return known, leaves.waiting(connection, known.size)
