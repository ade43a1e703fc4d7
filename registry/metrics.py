"""Measures the registry; reads the database at each scrape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine, func, select

from infra.settings import Settings
from infra.stores.db import open_engine, reading
from registry.adapters import mlflow_tables as mlflow
from registry.adapters import tables
from registry.audit.merkle.health import LogCollector
from registry.domain.values import CHAMPION
from registry.gate.adapters.verdicts import own_verdict


class RegistryCollector(Collector):
    """Reports counts and the published gauges; a series without data is left out."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def describe(self) -> Iterable[Metric]:
        """Name no series in advance, so that registering reads nothing."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Read every series from one snapshot."""
        with reading(self.engine) as connection:
            yield _by_state(
                connection, "acgs_requests", "Requests by state.", tables.request.c.state
            )
            yield _by_state(
                connection, "acgs_deliveries", "Webhook deliveries.", tables.delivery.c.state
            )
            yield _by_state(connection, "acgs_rollouts", "Rollouts.", tables.rollout.c.phase)
            yield from _deployment_success(connection)
            yield _champion_scores(connection)


def collectors(settings: Settings) -> list[Collector]:
    """Return the registry's collectors."""
    engine = open_engine(settings.sqlalchemy_url)
    return [RegistryCollector(engine), LogCollector(engine)]


def _by_state(connection: Connection, name: str, text: str, column: object) -> Metric:
    family = GaugeMetricFamily(name, text, labels=["state"])
    query = select(column, func.count()).group_by(column)  # type: ignore[call-overload]
    for state, count in connection.execute(query):
        family.add_metric([str(state)], float(count))
    return family


def _deployment_success(connection: Connection) -> Iterator[Metric]:
    """`deployment_success_rate`: successful rollouts over finished rollouts, in [0, 1]."""
    phase = tables.rollout.c.phase
    rows = connection.execute(
        select(phase, func.count()).where(tables.rollout.c.finished_ms.is_not(None)).group_by(phase)
    )
    counts = {str(state): int(count) for state, count in rows}
    finished = sum(counts.values())
    if finished:
        rate = counts.get("succeeded", 0) / finished
        yield GaugeMetricFamily(
            "deployment_success_rate", "Share of finished rollouts that succeeded.", value=rate
        )


def _champion_scores(connection: Connection) -> Metric:
    """`constitutional_compliance_score`: newest score of each champion, in [0, 1]."""
    family = GaugeMetricFamily(
        "constitutional_compliance_score",
        "Newest compliance score of each model's champion.",
        labels=["model", "version"],
    )
    a, v, s, r = mlflow.aliases.c, tables.version.c, tables.scorecard.c, tables.request.c
    newest = (
        select(func.max(s.id))
        .join_from(tables.scorecard, tables.version, v.uid == s.version_uid)
        .outerjoin(tables.request, r.id == s.request_id)
        .where(own_verdict())
        .group_by(s.version_uid)
    )
    rows = connection.execute(
        select(v.name, v.semver, s.score)
        .join_from(tables.version, tables.scorecard, s.version_uid == v.uid)
        .join(mlflow.aliases, (a.name == v.name) & (a.version == v.version))
        .where(a.alias == CHAMPION, v.deleted_ms.is_(None), s.id.in_(newest))
    )
    for name, semver, score in rows:
        family.add_metric([name, semver], float(score))
    return family
