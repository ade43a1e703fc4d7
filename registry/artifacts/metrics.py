"""Measures artifact keeping; reads the database at each scrape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine, func, select

from infra.component import Health, Probe
from infra.errors import NotPreparedError
from infra.settings import Settings
from infra.stores.db import open_engine, reading
from registry.adapters import tables as core
from registry.artifacts.adapters import rows, tables
from registry.artifacts.adapters.rows import kept


class ArtifactCollector(Collector):
    """Counts the versions that are signed, copied, checked and damaged."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def describe(self) -> Iterable[Metric]:
        """Name no series in advance, so that registering reads nothing."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Read every series from one snapshot."""
        b, c = tables.blob.c, tables.check.c
        with reading(self.engine) as connection:
            total, _ = rows.count(connection)
            signed = rows.count_kept(connection, tables.statement)
            oldest = connection.execute(
                select(func.min(c.checked_ms))
                .join(core.version, core.version.c.uid == c.version_uid)
                .where(kept())
            ).scalar()
            plain, packed = connection.execute(
                select(func.sum(b.size_bytes), func.sum(b.stored_bytes))
            ).one()
            counts = {
                "acgs_artifact_versions": ("Versions whose files are kept.", total),
                "acgs_artifact_signed": ("Versions with a signed statement.", signed),
                "acgs_artifact_damaged": (
                    "Versions whose files differed from those registered at the last check.",
                    len(rows.damaged(connection)),
                ),
                "acgs_artifact_replica_bytes": ("Contents in the replica, as stored.", packed),
                "acgs_artifact_replica_plain_bytes": (
                    "Contents in the replica, before compression.",
                    plain,
                ),
            }
        for name, (text, value) in counts.items():
            yield GaugeMetricFamily(name, text, value=float(value or 0))
        if oldest is not None:
            yield GaugeMetricFamily(
                "acgs_artifact_oldest_check_timestamp_seconds",
                "When the version that waits longest was looked at.",
                value=oldest / 1000,
            )


def collectors(settings: Settings) -> list[Collector]:
    """Return the collectors."""
    return [ArtifactCollector(open_engine(settings.sqlalchemy_url))]


def probes(settings: Settings) -> Iterable[Probe]:
    """Report whether any version's files are damaged."""
    engine = open_engine(settings.sqlalchemy_url)
    try:
        with reading(engine) as connection:
            damaged = rows.damaged(connection)
    except NotPreparedError:
        return
    finally:
        engine.dispose()
    if damaged:
        found = f"damaged versions: {len(damaged)}; acgs artifact status"
        yield Probe("artifact.files", Health.FAILED, found)
    else:
        yield Probe("artifact.files", Health.OK, "no damage known")
