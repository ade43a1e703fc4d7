"""Carries a grant out, inside the transaction that decided it."""

from __future__ import annotations

from sqlalchemy import Connection

from registry.domain.records import Request
from registry.domain.values import CHAMPION, RequestKind, Stage
from registry.rollouts.adapters import openings, rollout_rows
from registry.stages.adapters import moves


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
        moves.move_stage(
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
            moves.drop_alias(
                connection,
                request.name,
                CHAMPION,
                request.version,
                actor=request.actor,
                at_ms=at_ms,
            )
    if request.archive_existing:
        moves.archive_others(
            connection,
            request.name,
            request.version,
            request.target,
            actor=request.actor,
            at_ms=at_ms,
            request_id=request.id,
        )
    if request.alias:
        moves.set_alias(
            connection,
            request.name,
            request.alias,
            request.version,
            actor=request.actor,
            at_ms=at_ms,
            request_id=request.id,
        )


def _to_production(connection: Connection, request: Request, at_ms: int) -> None:
    moves.move_stage(
        connection,
        request.name,
        request.version,
        request.from_stage,
        Stage.PRODUCTION,
        actor=request.actor,
        at_ms=at_ms,
        request_id=request.id,
    )
    endpoint = rollout_rows.endpoint(connection, request.name)
    if endpoint is not None and endpoint.stable_uid != request.version_uid:
        openings.open_rollout(
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
    moves.crown(connection, request.name, request.version, request.actor, at_ms, request.id)
