"""Carries out a grant, inside the transaction that decided it."""

from __future__ import annotations

from sqlalchemy import Connection

from registry.domain.records import Act, Request
from registry.domain.values import CHAMPION, RequestKind, Stage
from registry.rollouts.adapters import openings, rollout_rows
from registry.stages.adapters import moves


def carry_out(connection: Connection, request: Request, at_ms: int) -> None:
    """Move the version where the grant allows, or open its rollout.

    A copy or rename grants a permit only: the caller's own operation uses it.
    """
    if request.kind is not RequestKind.TRANSITION:
        return
    act = Act(request.actor, at_ms, request.id)
    name, version, target = request.name, request.version, request.target
    if target is Stage.PRODUCTION:
        _to_production(connection, request, act)
        return
    if request.from_stage is not Stage.PRODUCTION or not request.alias:
        moves.move_stage(connection, name, version, request.from_stage, target, act)
        if request.from_stage is Stage.PRODUCTION:
            moves.drop_alias(connection, name, CHAMPION, version, act)
    if request.archive_existing:
        moves.archive_others(connection, name, version, target, act)
    if request.alias:
        moves.set_alias(connection, name, request.alias, version, act)


def _to_production(connection: Connection, request: Request, act: Act) -> None:
    name, version = request.name, request.version
    moves.move_stage(connection, name, version, request.from_stage, Stage.PRODUCTION, act)
    endpoint = rollout_rows.endpoint(connection, name)
    if endpoint is None or endpoint.stable_uid == request.version_uid:
        moves.crown(connection, name, version, act)
        return
    openings.open_rollout(
        connection,
        act,
        endpoint=name,
        candidate_uid=request.version_uid,
        candidate_from_stage=request.from_stage,
        version=version,
    )
