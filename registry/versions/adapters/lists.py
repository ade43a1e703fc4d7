"""Lists models and versions page by page, each page from where the last ended (never by offset)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from registry.adapters import mlflow_tables as mlflow
from registry.adapters import tables, version_rows
from registry.domain.records import VersionRecord
from registry.domain.values import CHAMPION

_V = tables.version.c
PAGE = 1000
"""Entries of a page, unless asked otherwise."""


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """A model in a list.

    Attributes:
        champion: its champion's semantic version; None where it has none.
        newest: semantic version of the highest number.
        versions: how many it has.
    """

    name: str
    champion: str | None
    newest: str
    versions: int


def models(connection: Connection, after: str, limit: int) -> list[ModelSummary]:
    """Return models with a live version, by name."""
    counted = (
        select(_V.name, func.max(_V.version).label("newest"), func.count().label("versions"))
        .where(_V.deleted_ms.is_(None), _V.name > after)
        .group_by(_V.name)
        .order_by(_V.name)
        .limit(limit)
        .subquery()
    )
    rows = connection.execute(
        select(counted.c.name, counted.c.versions, _V.semver)
        .join(tables.version, (_V.name == counted.c.name) & (_V.version == counted.c.newest))
        .where(_V.deleted_ms.is_(None))
        .order_by(counted.c.name)
    ).all()
    a = mlflow.aliases.c
    crowned = {
        row.name: row.semver
        for row in connection.execute(
            select(_V.name, _V.semver)
            .join(mlflow.aliases, (a.name == _V.name) & (a.version == _V.version))
            .where(
                a.workspace == mlflow.WORKSPACE,
                func.lower(a.alias) == CHAMPION,
                _V.deleted_ms.is_(None),
                _V.name > after,
                _V.name <= (rows[-1].name if rows else after),
            )
        )
    }
    return [ModelSummary(r.name, crowned.get(r.name), r.semver, r.versions) for r in rows]


def versions(
    connection: Connection, name: str, below: int | None, limit: int | None
) -> list[VersionRecord]:
    """Return live versions of a model, newest first, those below a number."""
    query = (
        select(tables.version)
        .where(_V.name == name, _V.deleted_ms.is_(None))
        .order_by(_V.version.desc())
    )
    if below is not None:
        query = query.where(_V.version < below)
    if limit is not None:
        query = query.limit(limit)
    return [version_rows.version_record(row) for row in connection.execute(query)]
