"""Reads a version's position: its stage and its aliases."""

from __future__ import annotations

from sqlalchemy import Connection, and_, select

from registry.adapters import mlflow_tables as mlflow
from registry.domain.records import Position, VersionRecord
from registry.domain.values import Stage

_MV = mlflow.model_versions.c


def stage_of(connection: Connection, record: VersionRecord) -> Stage | None:
    """Return the current stage of a version; a deleted version has none."""
    row = connection.execute(
        select(_MV.current_stage, _MV.creation_time).where(
            _MV.workspace == mlflow.WORKSPACE,
            _MV.name == record.name,
            _MV.version == record.version,
        )
    ).one_or_none()
    if row is None or record.deleted_ms is not None or row.creation_time != record.created_ms:
        return None
    return Stage.parse(row.current_stage)


def position(connection: Connection, record: VersionRecord) -> Position:
    """Return the current position of a version.

    A deleted version stands nowhere, even if its model was created again and MLflow counts
    another version under the same name and number.
    """
    name, number = record.name, record.version
    here = and_(_MV.workspace == mlflow.WORKSPACE, _MV.name == name, _MV.version == number)
    row = connection.execute(
        select(_MV.current_stage, _MV.description, _MV.creation_time).where(here)
    ).one_or_none()
    if row is None or record.deleted_ms is not None or row.creation_time != record.created_ms:
        return Position(None, (), "", "", {})
    a, t, m = mlflow.aliases.c, mlflow.model_version_tags.c, mlflow.registered_models.c
    aliases = connection.execute(
        select(a.alias).where(a.workspace == mlflow.WORKSPACE, a.name == name, a.version == number)
    ).scalars()
    tags = connection.execute(
        select(t.key, t.value).where(
            t.workspace == mlflow.WORKSPACE, t.name == name, t.version == number
        )
    )
    model_description = connection.execute(
        select(m.description).where(m.workspace == mlflow.WORKSPACE, m.name == name)
    ).scalar()
    return Position(
        stage=Stage.parse(row.current_stage),
        aliases=tuple(sorted(aliases)),
        description=row.description or "",
        model_description=model_description or "",
        tags={tag.key: tag.value for tag in tags},
    )
