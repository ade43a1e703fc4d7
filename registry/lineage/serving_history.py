"""Answers what served when, with one query over the intervals that the registry keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, exists, or_, select

from infra.clock import to_millis
from infra.stores.db import reading
from registry.adapters import tables
from registry.lineage.errors import NothingServedError
from registry.rollouts.adapters import rollout_rows
from registry.stages.adapters.tenures import PlaceKind
from registry.versions.adapters import numbering

_T, _V = tables.tenure.c, tables.version.c


@dataclass(frozen=True, slots=True)
class Tenure:
    """One version in one place, from one moment to another.

    Attributes:
        slot: the stage or the alias; "" for an endpoint.
        share_percent: of an endpoint's traffic, in (0, 100]; 100 elsewhere.
        to_ms: exclusive; None while it lasts.
    """

    place: PlaceKind
    name: str
    slot: str
    version_uid: str
    model: str
    semver: str
    number: int
    share_percent: int
    from_ms: int
    to_ms: int | None


def held_at(connection: Connection, name: str, at_ms: int) -> list[Tenure]:
    """Return which version held which place under a name at a moment, in one query.

    Endpoint traffic first, by share; then aliases and stages.
    """
    then = (_T.name == name, _T.from_ms <= at_ms, or_(_T.to_ms.is_(None), _T.to_ms > at_ms))
    return _tenures(connection, *then)


def endpoint_tenures(connection: Connection, uids: Sequence[str]) -> list[Tenure]:
    """Return when and where versions got traffic, oldest first."""
    return _tenures(connection, _T.version_uid.in_(uids), _T.place == PlaceKind.ENDPOINT.value)


def _tenures(connection: Connection, *which: ColumnElement[bool]) -> list[Tenure]:
    rows = connection.execute(
        select(
            _T.place,
            _T.name,
            _T.slot,
            _T.version_uid,
            _V.name.label("model"),
            _V.semver,
            _V.version.label("number"),
            _T.share_percent,
            _T.from_ms,
            _T.to_ms,
        )
        .join(tables.version, _V.uid == _T.version_uid)
        .where(*which)
        .order_by(_T.place.desc(), _T.slot, _T.share_percent.desc(), _T.from_ms, _T.id)
    )
    order = (PlaceKind.ENDPOINT, PlaceKind.ALIAS, PlaceKind.STAGE)
    found = [Tenure(**{**row._mapping, "place": PlaceKind(row.place)}) for row in rows]
    return sorted(found, key=lambda tenure: order.index(tenure.place))


def served(engine: Engine, name: str, at: datetime) -> list[Tenure]:
    """Return what served under a name at a moment, and which versions held its stages and aliases.

    Empty when nothing did: not yet, or no more.

    Raises:
        NothingServedError: nothing of this name is known.
    """
    at_ms = to_millis(at)
    with reading(engine) as connection:
        found = held_at(connection, name, at_ms)
        if found:
            return found
        known = (
            connection.execute(select(exists().where(_T.name == name))).scalar()
            or rollout_rows.endpoint(connection, name) is not None
            or numbering.predecessor(connection, name) is not None
        )
    if not known:
        raise NothingServedError(
            f"expected an endpoint or a governed model {name}, found none", hint="acgs model list"
        )
    return []
