"""Carries a grant out on MLflow's rows, inside the transaction that decided it.

Every UPDATE names what it expects to find and its row count is checked: if the world moved,
the whole transaction is rolled back.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, update

from infra.errors import ConflictError
from registry.adapters import mirror, queries, tables, tenures
from registry.adapters import mlflow_tables as mlflow
from registry.audit.adapters import events
from registry.domain.values import CHAMPION, RequestKind, Stage
from registry.records import Request

_MV = mlflow.model_versions.c


class StageMovedError(ConflictError):
    """A version's stage is not what the decision saw."""

    code = "registry.stage_moved"


def carry_out(connection: Connection, request: Request, at_ms: int) -> None:
    """Move the version where the grant allows, or open its rollout.

    A copy or rename grants a permit only: the caller's own operation uses it.
    """
    if request.kind is not RequestKind.TRANSITION:
        return
    if request.target is Stage.PRODUCTION:
        _to_production(connection, request, at_ms)
        return
    if request.from_stage is not Stage.PRODUCTION or not request.alias:
        move_stage(
            connection,
            request.name,
            request.version,
            request.from_stage,
            request.target,
            actor=request.actor,
            at_ms=at_ms,
            request_id=request.id,
        )
        if request.from_stage is Stage.PRODUCTION:
            drop_alias(
                connection,
                request.name,
                CHAMPION,
                request.version,
                actor=request.actor,
                at_ms=at_ms,
            )
    if request.archive_existing:
        archive_others(
            connection,
            request.name,
            request.version,
            request.target,
            actor=request.actor,
            at_ms=at_ms,
            request_id=request.id,
        )
    if request.alias:
        set_alias(
            connection,
            request.name,
            request.alias,
            request.version,
            actor=request.actor,
            at_ms=at_ms,
            request_id=request.id,
        )


def _to_production(connection: Connection, request: Request, at_ms: int) -> None:
    move_stage(
        connection,
        request.name,
        request.version,
        request.from_stage,
        Stage.PRODUCTION,
        actor=request.actor,
        at_ms=at_ms,
        request_id=request.id,
    )
    endpoint = queries.endpoint(connection, request.name)
    if endpoint is not None and endpoint.stable_uid != request.version_uid:
        open_rollout(
            connection,
            endpoint=request.name,
            candidate_uid=request.version_uid,
            candidate_from_stage=request.from_stage,
            version=request.version,
            request_id=request.id,
            actor=request.actor,
            at_ms=at_ms,
        )
        return
    crown(connection, request.name, request.version, request.actor, at_ms, request.id)


def crown(
    connection: Connection,
    name: str,
    version: int,
    actor: str,
    at_ms: int,
    request_id: int | None,
) -> None:
    """Make a Production version the champion and archive the one before."""
    set_alias(connection, name, CHAMPION, version, actor=actor, at_ms=at_ms, request_id=request_id)
    archive_others(
        connection,
        name,
        version,
        Stage.PRODUCTION,
        actor=actor,
        at_ms=at_ms,
        request_id=request_id,
    )


def open_rollout(
    connection: Connection,
    *,
    endpoint: str,
    candidate_uid: str,
    candidate_from_stage: Stage,
    version: int,
    request_id: int | None,
    actor: str,
    at_ms: int,
) -> int:
    """Insert a pending rollout; the database allows one unfinished rollout per endpoint."""
    target = queries.endpoint(connection, endpoint)
    if target is None:
        raise RuntimeError(f"rollout for an endpoint that does not exist: {endpoint}")
    result = connection.execute(
        insert(tables.rollout).values(
            endpoint=endpoint,
            request_id=request_id,
            candidate_uid=candidate_uid,
            stable_uid=target.stable_uid,
            candidate_from_stage=candidate_from_stage.value,
            plan=dict(target.plan),
            phase="pending",
            state={},
            reasons=[],
            revision=0,
            created_ms=at_ms,
        )
    )
    key = result.inserted_primary_key
    if key is None:
        raise RuntimeError("the database returned no key for an inserted rollout")
    rollout_id = int(key[0])
    events.record(
        connection,
        "rollout.started",
        name=endpoint,
        version=version,
        request_id=request_id,
        actor=actor,
        at_ms=at_ms,
        data={"rollout_id": rollout_id, "plan": dict(target.plan)},
    )
    mirror.set_tags(connection, endpoint, version, {"acgs.rollout": f"{rollout_id}: started"})
    return rollout_id


def move_stage(
    connection: Connection,
    name: str,
    version: int,
    expected: Stage,
    target: Stage,
    *,
    actor: str,
    at_ms: int,
    request_id: int | None = None,
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
        .values(current_stage=target.value, last_updated_time=at_ms)
    )
    if result.rowcount != 1:
        raise StageMovedError(
            f"expected {name} version {version} in stage {expected}, found it elsewhere",
            hint="ask again",
        )
    tenures.move_stage(connection, name, version, target, at_ms)
    events.record(
        connection,
        "model_version.transitioned_stage",
        name=name,
        version=version,
        request_id=request_id,
        actor=actor,
        at_ms=at_ms,
        data={"from_stage": expected.value, "to_stage": target.value},
    )


def archive_others(
    connection: Connection,
    name: str,
    version: int,
    stage: Stage,
    *,
    actor: str,
    at_ms: int,
    request_id: int | None = None,
) -> None:
    """Archive every other version in a stage."""
    for other in queries.numbers_in_stage(connection, name, stage):
        if other != version:
            move_stage(
                connection,
                name,
                other,
                stage,
                Stage.ARCHIVED,
                actor=actor,
                at_ms=at_ms,
                request_id=request_id,
            )


def set_alias(
    connection: Connection,
    name: str,
    alias: str,
    version: int,
    *,
    actor: str,
    at_ms: int,
    request_id: int | None = None,
) -> None:
    """Point an alias at a version; an old spelling of it is replaced."""
    before = queries.alias_holder(connection, name, alias)
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
    tenures.hold_alias(connection, name, alias, version, at_ms)
    events.record(
        connection,
        "model_version.alias_changed",
        name=name,
        version=version,
        request_id=request_id,
        actor=actor,
        at_ms=at_ms,
        data={"alias": alias, "from_version": before, "to_version": version},
    )


def drop_alias(
    connection: Connection, name: str, alias: str, version: int, *, actor: str, at_ms: int
) -> None:
    """Remove an alias if it points at this version."""
    if queries.alias_holder(connection, name, alias) != version:
        return
    a = mlflow.aliases.c
    connection.execute(
        delete(mlflow.aliases).where(
            a.workspace == mlflow.WORKSPACE, a.name == name, func.lower(a.alias) == alias.lower()
        )
    )
    tenures.hold_alias(connection, name, alias, None, at_ms)
    events.record(
        connection,
        "model_version.alias_changed",
        name=name,
        version=version,
        actor=actor,
        at_ms=at_ms,
        data={"alias": alias, "from_version": version, "to_version": None},
    )
