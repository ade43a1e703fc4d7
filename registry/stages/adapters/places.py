"""Finds the version numbers of a model in a place, or without a record; never reads all of them."""

from __future__ import annotations

from sqlalchemy import Connection, exists, func, select

from registry.adapters import mlflow_tables as mlflow
from registry.adapters import tables
from registry.domain.values import GOVERNED_ALIASES, GOVERNED_STAGES, Stage

_MV = mlflow.model_versions.c
_V = tables.version.c


def stage_at(connection: Connection, name: str, number: int) -> Stage | None:
    """Return the stage of a version number, even if another version has that number now."""
    stage = connection.execute(
        select(_MV.current_stage).where(
            _MV.workspace == mlflow.WORKSPACE, _MV.name == name, _MV.version == number
        )
    ).scalar()
    return Stage.parse(stage) if stage else None


def alias_holder(connection: Connection, name: str, alias: str) -> int | None:
    """Return the version number an alias points at; aliases compare without case."""
    a = mlflow.aliases.c
    return connection.execute(
        select(a.version).where(
            a.workspace == mlflow.WORKSPACE, a.name == name, func.lower(a.alias) == alias.lower()
        )
    ).scalar()


def numbers_in_stage(connection: Connection, name: str, stage: Stage) -> list[int]:
    """Return the version numbers that stand in a stage, newest first."""
    return list(
        connection.execute(
            select(_MV.version)
            .where(
                _MV.workspace == mlflow.WORKSPACE,
                _MV.name == name,
                _MV.current_stage == stage.value,
            )
            .order_by(_MV.version.desc())
        ).scalars()
    )


def governed_numbers(connection: Connection, name: str) -> set[int]:
    """Return the numbers of the versions in a governed stage or with a governed alias."""
    a = mlflow.aliases.c
    staged = connection.execute(
        select(_MV.version).where(
            _MV.workspace == mlflow.WORKSPACE,
            _MV.name == name,
            _MV.current_stage.in_([stage.value for stage in GOVERNED_STAGES]),
            mlflow.HAS_FILES,
        )
    ).scalars()
    named = connection.execute(
        select(a.version)
        .join(
            mlflow.model_versions,
            (_MV.workspace == a.workspace) & (_MV.name == a.name) & (_MV.version == a.version),
        )
        .where(
            a.workspace == mlflow.WORKSPACE,
            a.name == name,
            func.lower(a.alias).in_(list(GOVERNED_ALIASES)),
            _MV.current_stage != mlflow.DELETED,
            mlflow.HAS_FILES,
        )
    ).scalars()
    return {*staged, *named}


def governed_aliases(connection: Connection, name: str, number: int) -> list[str]:
    """Return the governed aliases of a version, in lower case."""
    a = mlflow.aliases.c
    found = connection.execute(
        select(a.alias).where(
            a.workspace == mlflow.WORKSPACE,
            a.name == name,
            a.version == number,
            func.lower(a.alias).in_(list(GOVERNED_ALIASES)),
        )
    ).scalars()
    return sorted({alias.lower() for alias in found})


def unrecorded_numbers(
    connection: Connection, name: str, limit: int, before: int | None = None
) -> list[int]:
    """Return the numbers of live versions without a record, oldest first.

    Args:
        connection: to read from.
        name: registered model.
        limit: most numbers to return.
        before: only versions below this number; None means all.
    """
    recorded = exists().where(
        _V.name == _MV.name, _V.version == _MV.version, _V.deleted_ms.is_(None)
    )
    query = (
        select(_MV.version)
        .where(
            _MV.workspace == mlflow.WORKSPACE,
            _MV.name == name,
            _MV.current_stage != mlflow.DELETED,
            mlflow.HAS_FILES,
            ~recorded,
        )
        .order_by(_MV.version)
        .limit(limit)
    )
    if before is not None:
        query = query.where(_MV.version < before)
    return list(connection.execute(query).scalars())
