"""A database as plain MLflow leaves it: a few rows through its API, thousands as it writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mlflow.store.model_registry.dbmodels.models import (
    SqlModelVersion,
    SqlModelVersionTag,
    SqlRegisteredModel,
)
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import Engine, MetaData, Table, insert, inspect, select

BASE_MS = 1_700_000_000_000
ROWS = 1_000
"""Rows in one statement."""


@dataclass(frozen=True)
class Version:
    """A version as its author registered it."""

    name: str
    number: int
    source: str
    run_id: str | None = None
    stage: str = "None"
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def plain_store(url: str) -> Iterator[SqlAlchemyStore]:
    """Open MLflow's own store, which makes its tables."""
    store = SqlAlchemyStore(url)
    try:
        yield store
    finally:
        store.engine.dispose()
        SqlAlchemyStore._engine_map.pop(url, None)


def fill(engine: Engine, versions: Iterable[Version]) -> None:
    """Insert models and versions, column by column what MLflow's API would have written."""
    known: set[str] = set()
    models: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    tags: list[dict[str, Any]] = []
    for count, version in enumerate(versions):
        at_ms = BASE_MS + count
        if version.name not in known:
            known.add(version.name)
            models.append(
                {"name": version.name, "creation_time": at_ms, "last_updated_time": at_ms}
            )
        rows.append(
            {
                "name": version.name,
                "version": version.number,
                "creation_time": at_ms,
                "last_updated_time": at_ms,
                "description": version.description,
                "current_stage": version.stage,
                "source": version.source,
                "storage_location": version.source,
                "run_id": version.run_id,
                "status": "READY",
            }
        )
        tags += [
            {"name": version.name, "version": version.number, "key": key, "value": value}
            for key, value in version.tags.items()
        ]
    with engine.begin() as connection:
        for table, wanted in (
            (SqlRegisteredModel, models),
            (SqlModelVersion, rows),
            (SqlModelVersionTag, tags),
        ):
            for start in range(0, len(wanted), ROWS):
                connection.execute(insert(table.__table__), wanted[start : start + ROWS])


def dump(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table that is not the platform's, in a fixed order."""
    found = {}
    metadata = MetaData()
    with engine.connect() as connection:
        for name in sorted(inspect(engine).get_table_names()):
            if name.startswith("acgs_"):
                continue
            table = Table(name, metadata, autoload_with=connection)
            found[name] = sorted((tuple(row) for row in connection.execute(select(table))), key=str)
    return found
