"""Moves stages and aliases in MLflow's rows, inside the caller's transaction.

Every UPDATE names what it expects to find and its row count is checked: if the world moved,
the whole transaction is rolled back.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, update

from infra.errors import ConflictError
from registry.adapters import mlflow_tables as mlflow
from registry.audit.adapters import events
from registry.domain.records import Act
from registry.domain.values import CHAMPION, Stage
from registry.stages.adapters import places, tenures

_MV = mlflow.model_versions.c


class StageMovedError(ConflictError):
    """A version's stage is no longer the one that the decision saw."""

    code = "registry.stage_moved"


def crown(
    connection: Connection,
    name: str,
    version: int,
    act: Act,
) -> None:
    """Make a Production version the champion, and archive the previous one."""
    set_alias(connection, name, CHAMPION, version, act)
    archive_others(connection, name, version, Stage.PRODUCTION, act)


def move_stage(
    connection: Connection,
    name: str,
    version: int,
    expected: Stage,
    target: Stage,
    act: Act,
) -> None:
    """Compare-and-set a version's stage.

    Raises:
        StageMovedError: it is not in `expected`.
    """
    if expected is target:
        return
    result = connection.execute(
        update(mlflow.model_versions)
        .where(
            _MV.workspace == mlflow.WORKSPACE,
            _MV.name == name,
            _MV.version == version,
            _MV.current_stage == expected.value,
        )
        .values(current_stage=target.value, last_updated_time=act.at_ms)
    )
    if result.rowcount != 1:
        raise StageMovedError(
            f"expected {name} version {version} in stage {expected}, found it elsewhere",
            hint="ask again",
        )
    tenures.move_stage(connection, name, version, target, act.at_ms)
    events.record(
        connection,
        "model_version.transitioned_stage",
        act,
        name=name,
        version=version,
        data={"from_stage": expected.value, "to_stage": target.value},
    )


def archive_others(
    connection: Connection,
    name: str,
    version: int,
    stage: Stage,
    act: Act,
) -> None:
    """Archive every other version in a stage."""
    for other in places.numbers_in_stage(connection, name, stage):
        if other != version:
            move_stage(connection, name, other, stage, Stage.ARCHIVED, act)


def set_alias(
    connection: Connection,
    name: str,
    alias: str,
    version: int,
    act: Act,
) -> None:
    """Point an alias at a version; replaces another spelling of the alias."""
    before = places.alias_holder(connection, name, alias)
    if before == version:
        return
    a = mlflow.aliases.c
    connection.execute(
        delete(mlflow.aliases).where(
            a.workspace == mlflow.WORKSPACE, a.name == name, func.lower(a.alias) == alias.lower()
        )
    )
    connection.execute(
        insert(mlflow.aliases).values(
            workspace=mlflow.WORKSPACE, name=name, alias=alias, version=version
        )
    )
    tenures.move_alias(connection, name, alias, version, act.at_ms)
    events.record(
        connection,
        "model_version.alias_changed",
        act,
        name=name,
        version=version,
        data={"alias": alias, "from_version": before, "to_version": version},
    )


def drop_alias(connection: Connection, name: str, alias: str, version: int, act: Act) -> None:
    """Remove an alias if it points at this version."""
    if places.alias_holder(connection, name, alias) != version:
        return
    a = mlflow.aliases.c
    connection.execute(
        delete(mlflow.aliases).where(
            a.workspace == mlflow.WORKSPACE, a.name == name, func.lower(a.alias) == alias.lower()
        )
    )
    tenures.move_alias(connection, name, alias, None, act.at_ms)
    events.record(
        connection,
        "model_version.alias_changed",
        act,
        name=name,
        version=version,
        data={"alias": alias, "from_version": version, "to_version": None},
    )
