"""Reports the back-fill's progress to Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from infra.clock import to_millis, utc_now
from infra.settings import Settings
from infra.stores.db import open_engine, reading
from registry.adoption.adapters import progress


class AdoptionCollector(Collector):
    """Counts the versions that plain MLflow registered: recorded, unreadable, waiting."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def describe(self) -> Iterable[Metric]:
        """Name no series in advance, so that registering reads nothing."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Read the back-fill's row."""
        with reading(self.engine) as connection:
            found = progress.read(connection, to_millis(utc_now()))
        family = GaugeMetricFamily(
            "acgs_adoption_versions",
            "Versions that plain MLflow registered, by what became of them.",
            labels=["state"],
        )
        family.add_metric(["recorded"], found.recorded)
        family.add_metric(["unreadable"], found.unreadable)
        family.add_metric(["waiting"], found.waiting)
        yield family


def collectors(settings: Settings) -> list[Collector]:
    """Return adoption's collector."""
    return [AdoptionCollector(open_engine(settings.sqlalchemy_url))]
