"""Records which version held which place when, in the transaction of each change.

The audit trail has the same story as single changes; an interval answers "what served at T" and
"where did this version ever run" from an index. Intervals are half-open and key on the version's
uid, so a name that is used again, renamed or deleted never changes what was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, case, insert, select, update

from registry.adapters import mlflow_tables as mlflow
from registry.adapters import tables
from registry.domain.records import VersionRecord
from registry.domain.values import GOVERNED_ALIASES, Stage
from registry.stages.adapters import places

_T = tables.tenure.c
WHOLE = 100


class PlaceKind(StrEnum):
    """The kind of a place that a version can hold."""

    ENDPOINT = "endpoint"
    STAGE = "stage"
    ALIAS = "alias"


@dataclass(frozen=True, slots=True)
class _Held:
    """A place under a name, and the version in it; `slot` is the stage or the alias."""

    place: PlaceKind
    name: str
    slot: str
    uid: str


def share_traffic(
    connection: Connection, endpoint: str, percent: Mapping[str, int], at_ms: int
) -> None:
    """Record an endpoint's traffic in percent per version uid; does nothing if unchanged."""
    wanted = {uid: share for uid, share in percent.items() if share > 0}
    held = {
        row.version_uid: row.share_percent
        for row in connection.execute(
            select(_T.version_uid, _T.share_percent).where(
                _T.place == PlaceKind.ENDPOINT.value, _T.name == endpoint, _T.to_ms.is_(None)
            )
        )
    }
    for uid in sorted(held.keys() | wanted.keys()):
        if held.get(uid) == wanted.get(uid):
            continue
        place = _Held(PlaceKind.ENDPOINT, endpoint, "", uid)
        if uid in held:
            _close(connection, place, at_ms)
        if uid in wanted:
            _open(connection, place, at_ms, wanted[uid])


def move_stage(connection: Connection, name: str, number: int, stage: Stage, at_ms: int) -> None:
    """Record that a version moved to this stage; `None` is no place."""
    uid = _uid(connection, name, number)
    if uid is None:
        return
    _end(connection, at_ms, _T.version_uid == uid, _T.place == PlaceKind.STAGE.value)
    if stage is not Stage.NONE:
        _open(connection, _Held(PlaceKind.STAGE, name, stage.value, uid), at_ms)


def move_alias(
    connection: Connection, name: str, alias: str, number: int | None, at_ms: int
) -> None:
    """Record that an alias points at this version from now on, or at none."""
    slot = alias.lower()
    _end(connection, at_ms, _T.place == PlaceKind.ALIAS.value, _T.name == name, _T.slot == slot)
    uid = _uid(connection, name, number) if number is not None else None
    if uid is not None:
        _open(connection, _Held(PlaceKind.ALIAS, name, slot, uid), at_ms)


def adopt(connection: Connection, record: VersionRecord, at_ms: int) -> None:
    """Record the places of a version that plain MLflow registered, as held from now on.

    When it began to hold them was never recorded, and is not claimed; a new version holds none.
    """
    stage = places.stage_at(connection, record.name, record.version)
    if stage is not None and stage is not Stage.NONE:
        _open(connection, _Held(PlaceKind.STAGE, record.name, stage.value, record.uid), at_ms)
    a = mlflow.aliases.c
    held = connection.execute(
        select(a.alias).where(
            a.workspace == mlflow.WORKSPACE, a.name == record.name, a.version == record.version
        )
    ).scalars()
    for alias in sorted({alias.lower() for alias in held} & GOVERNED_ALIASES.keys()):
        _open(connection, _Held(PlaceKind.ALIAS, record.name, alias, record.uid), at_ms)


def end(connection: Connection, uid: str, at_ms: int) -> None:
    """Record that a version no longer holds any place."""
    _end(connection, at_ms, _T.version_uid == uid)


def end_of_model(connection: Connection, name: str, at_ms: int) -> None:
    """Record that no version of a model holds any place."""
    v = tables.version.c
    of_model = select(v.uid).where(v.name == name, v.deleted_ms.is_(None))
    _end(connection, at_ms, _T.version_uid.in_(of_model))


def rename(connection: Connection, name: str, new_name: str, at_ms: int) -> None:
    """Record that stages and aliases continue under another name; the past keeps the old one."""
    going_on = list(
        connection.execute(
            select(_T.place, _T.slot, _T.version_uid).where(
                _T.name == name, _T.place != PlaceKind.ENDPOINT.value, _T.to_ms.is_(None)
            )
        )
    )
    for row in going_on:
        held = _Held(PlaceKind(row.place), name, row.slot, row.version_uid)
        _close(connection, held, at_ms)
        _open(connection, replace(held, name=new_name), at_ms)


def _uid(connection: Connection, name: str, number: int) -> str | None:
    v = tables.version.c
    return connection.execute(
        select(v.uid).where(v.name == name, v.version == number, v.deleted_ms.is_(None))
    ).scalar()


def _open(connection: Connection, held: _Held, at_ms: int, share_percent: int = WHOLE) -> None:
    connection.execute(
        insert(tables.tenure).values(
            place=held.place.value,
            name=held.name,
            slot=held.slot,
            version_uid=held.uid,
            share_percent=share_percent,
            from_ms=at_ms,
        )
    )


def _close(connection: Connection, held: _Held, at_ms: int) -> None:
    _end(
        connection,
        at_ms,
        _T.place == held.place.value,
        _T.name == held.name,
        _T.slot == held.slot,
        _T.version_uid == held.uid,
    )


def _end(connection: Connection, at_ms: int, *which: ColumnElement[bool]) -> None:
    # Clocks of several machines: an interval never ends before it began.
    ends = case((_T.from_ms > at_ms, _T.from_ms), else_=at_ms)
    connection.execute(update(tables.tenure).where(*which, _T.to_ms.is_(None)).values(to_ms=ends))
