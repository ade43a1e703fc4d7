"""Reports whether the audit log is signed, and how far it is behind; from the database alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from infra.clock import Clock, to_millis, utc_now
from infra.component import Health, Probe
from infra.stores.db import open_engine, reading
from registry.audit.merkle.adapters import leaves
from registry.audit.merkle.adapters.leaves import Remembered, Waiting

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from infra.settings import Settings

NAME = "audit.log"
LATE_SECONDS = 60.0
"""Age from which an event without a checkpoint needs a person's attention."""


def probes(settings: Settings, clock: Clock = utc_now) -> Iterable[Probe]:
    """Report whether events are signed."""
    engine = open_engine(settings.sqlalchemy_url)
    try:
        known, waiting = _read(engine)
    finally:
        engine.dispose()
    return [judged(known, waiting, to_millis(clock()))]


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
            "acgs_audit_broken",
            "1 while files and database contradict each other and nothing is signed.",
            value=float(known.error is not None),
        )


def _read(engine: Engine) -> tuple[Remembered, Waiting]:
    with reading(engine) as connection:
        known = leaves.remembered(connection)
        return known, leaves.waiting(connection, known.size)
