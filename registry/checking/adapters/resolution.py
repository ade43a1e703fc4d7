"""Carries out one step of `acgs version resolve`, in the caller's transaction."""

from __future__ import annotations

from sqlalchemy import Connection, update

from registry.adapters import tables, version_rows
from registry.domain.findings import Action, Step
from registry.domain.records import Act
from registry.domain.values import GOVERNED_ALIASES, Stage
from registry.stages.adapters import moves, places, tenures
from registry.versions.domain import semver

_V = tables.version.c


def carry_out(connection: Connection, name: str, step: Step, act: Act) -> None:
    """Apply a step to the records of a model.

    Raises:
        StageMovedError: somebody moved the version meanwhile.
    """
    match step.action:
        case Action.FORGET:
            connection.execute(
                update(tables.version)
                .where(_V.uid == step.uid, _V.deleted_ms.is_(None))
                .values(deleted_ms=act.at_ms)
            )
            tenures.end(connection, step.uid, act.at_ms)
        case Action.END_TENURES:
            tenures.end(connection, step.uid, act.at_ms)
        case Action.MOVE_STAGE:
            _move_stage(connection, name, step, act)
        case Action.SET_ALIAS:
            moves.set_alias(connection, name, step.value, step.number, act)
        case Action.DROP_ALIAS:
            holder = places.alias_holder(connection, name, step.value)
            if holder is not None:
                moves.drop_alias(connection, name, step.value, holder, act)
        case Action.WRITE_PARTS:
            _write_parts(connection, step.uid)
        case Action.ADOPT | Action.EXTERNAL:
            raise ValueError(f"{step.action} is carried out elsewhere")


def _move_stage(connection: Connection, name: str, step: Step, act: Act) -> None:
    now = places.stage_at(connection, name, step.number)
    target = Stage(step.value)
    if now is None:
        return
    moves.move_stage(connection, name, step.number, now, target, act)
    if target is Stage.ARCHIVED:
        for alias in GOVERNED_ALIASES:
            moves.drop_alias(connection, name, alias, step.number, act)


def _write_parts(connection: Connection, uid: str) -> None:
    record = version_rows.version_by_uid(connection, uid)
    if record is None:
        return
    parts = semver.precedence(record.semver)
    connection.execute(
        update(tables.version)
        .where(_V.uid == uid)
        .values(
            major=parts.major,
            minor=parts.minor,
            patch=parts.patch,
            prerelease=parts.prerelease,
        )
    )
