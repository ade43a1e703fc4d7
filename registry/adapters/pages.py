"""Versions page by page, with where they stand: three queries a page, however long it is."""

from __future__ import annotations

from sqlalchemy import Connection, select

from registry.adapters import mlflow_tables as mlflow
from registry.adapters import queries, tables
from registry.records import VersionRecord

_V = tables.version.c


def version_page(
    connection: Connection, name: str, limit: int, before: int | None
) -> list[tuple[VersionRecord, str | None, tuple[str, ...]]]:
    """Return live versions with stage and aliases, newest first, below a number."""
    query = select(tables.version).where(_V.name == name, _V.deleted_ms.is_(None))
    if before is not None:
        query = query.where(_V.version < before)
    rows = connection.execute(query.order_by(_V.version.desc()).limit(limit))
    found = [queries.version_record(row) for row in rows]
    if not found:
        return []
    low, high = found[-1].version, found[0].version
    mv, a = mlflow.model_versions.c, mlflow.aliases.c
    stages = {
        row.version: row.current_stage
        for row in connection.execute(
            select(mv.version, mv.current_stage).where(
                mv.workspace == mlflow.WORKSPACE, mv.name == name, mv.version.between(low, high)
            )
        )
    }
    aliases: dict[int, list[str]] = {}
    for row in connection.execute(
        select(a.version, a.alias)
        .where(a.workspace == mlflow.WORKSPACE, a.name == name, a.version.between(low, high))
        .order_by(a.alias)
    ):
        aliases.setdefault(row.version, []).append(row.alias)
    return [(v, stages.get(v.version), tuple(aliases.get(v.version, ()))) for v in found]
