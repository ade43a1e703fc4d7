"""Lists versions page by page, with their positions: four queries a page, whatever its length."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, exists, select

from registry.adapters import mlflow_tables as mlflow
from registry.adapters import tables, version_rows
from registry.domain.records import VersionRecord
from registry.files.domain.custody import Unusable

_V = tables.version.c


@dataclass(frozen=True, slots=True)
class Listed:
    """A version in a listing.

    Attributes:
        unusable: `quarantined` or `freed` when its files must not be used, else None.
    """

    record: VersionRecord
    stage: str | None
    aliases: tuple[str, ...]
    unusable: str | None


def has_versions_in_mlflow(connection: Connection, name: str) -> bool:
    """Return whether MLflow knows a live version of a name, recorded by the platform or not."""
    mv = mlflow.model_versions.c
    here = (mv.workspace == mlflow.WORKSPACE, mv.name == name, mv.current_stage != mlflow.DELETED)
    return connection.execute(select(exists().where(*here))).scalar_one()


def version_page(connection: Connection, name: str, limit: int, before: int | None) -> list[Listed]:
    """Return live versions below a number with their positions, newest first."""
    query = select(tables.version).where(_V.name == name, _V.deleted_ms.is_(None))
    if before is not None:
        query = query.where(_V.version < before)
    rows = connection.execute(query.order_by(_V.version.desc()).limit(limit))
    found = [version_rows.version_record(row) for row in rows]
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
    q = tables.quarantine.c
    kept_from_use = {
        row.version_uid: Unusable(row.kind).word
        for row in connection.execute(
            select(q.version_uid, q.kind).where(q.version_uid.in_([v.uid for v in found]))
        )
    }
    return [
        Listed(
            v,
            stages.get(v.version),
            tuple(aliases.get(v.version, ())),
            kept_from_use.get(v.uid),
        )
        for v in found
    ]
