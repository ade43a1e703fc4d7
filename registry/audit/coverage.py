"""Compares what stands in the registry's tables with the events that should tell how it came there.

The tables are another source than the audit trail: a row that somebody wrote by SQL, or code that
forgot its event, has a row and no event. Each such row is named. What leaves no row of its own, as
reading does, and what the servers' access logs would tell, is not counted, and said to be so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, select

from infra.stores.db import reading
from registry.adapters import mlflow_tables as mlflow
from registry.adapters import tables

_E = tables.event.c
_V = tables.version.c
_R = tables.request.c
_MV = mlflow.model_versions.c
_MADE = ("model_version.created", "model_version.adopted")
_MOVED = "model_version.transitioned_stage"
_DECIDED = ("granted", "refused", "cancelled")


@dataclass(frozen=True, slots=True)
class Covered:
    """How many operations of a kind have their event.

    Attributes:
        operation: in words.
        source: table that counts them; what is missing where nothing does.
        counted: operations by that source; None without data.
        audited: of these, those that an event tells of.
        gaps: each operation without an event, in words.
    """

    operation: str
    source: str
    counted: int | None
    audited: int = 0
    gaps: tuple[str, ...] = ()

    @property
    def percent(self) -> float | None:
        """Return the audited share; None without operations."""
        return 100 * self.audited / self.counted if self.counted else None


@dataclass(slots=True)
class _Told:
    """What the events tell, by what each is about."""

    requests: dict[str, set[object]] = field(default_factory=dict)
    votes: set[tuple[object, str, bool]] = field(default_factory=set)
    uids: set[object] = field(default_factory=set)
    rollouts: set[object] = field(default_factory=set)
    endpoints: set[str] = field(default_factory=set)
    deleted: set[tuple[str, object, object]] = field(default_factory=set)
    renamed: set[object] = field(default_factory=set)
    stages: dict[tuple[str, object], object] = field(default_factory=dict)


def coverage(engine: Engine) -> list[Covered]:
    """Return how far the audit trail covers what the tables hold, by kind of operation."""
    with reading(engine) as connection:
        told = _told(connection)
        found = [count(connection, told) for count in _COUNTS]
    return [
        *found,
        Covered("requests over HTTP", "no data: the servers keep no access log", None),
        Covered("changes that were undone or overwritten", "no data: they leave no row", None),
    ]


def total(found: Sequence[Covered]) -> tuple[int, int]:
    """Return how many operations were counted, and how many of them are audited."""
    return sum(one.counted or 0 for one in found), sum(one.audited for one in found)


def _told(connection: Connection) -> _Told:
    told = _Told()
    columns = (_E.type, _E.name, _E.version, _E.request_id, _E.actor, _E.data)
    query = select(*columns).where(_E.type.in_(sorted(_TYPES))).order_by(_E.id)
    for kind, name, version, request_id, actor, data in connection.execute(query):
        match kind.split("."):
            case ["transition_request", what]:
                told.requests.setdefault(what, set()).add(request_id)
            case ["approval", what]:
                told.votes.add((request_id, actor, what == "given"))
            case ["model_version", "created" | "adopted"]:
                told.uids.add(data.get("uid"))
                told.stages[name, version] = data.get("stage")
            case ["model_version", "transitioned_stage"]:
                told.stages[name, version] = data.get("to_stage")
            case ["model_version", "deleted"]:
                told.deleted.add((name, version, data.get("semver")))
            case ["model", "renamed"]:
                told.renamed |= {name, *data.values()}
            case ["endpoint", _]:
                told.endpoints.add(name)
            case ["rollout", _]:
                told.rollouts.add(data.get("rollout_id"))
    return told


_TYPES = {
    *(f"transition_request.{what}" for what in ("created", *_DECIDED)),
    *_MADE,
    _MOVED,
    "approval.given",
    "approval.rejected",
    "endpoint.created",
    "model.renamed",
    "model_version.deleted",
    "rollout.started",
}


def _versions(connection: Connection, told: _Told) -> Covered:
    rows = connection.execute(select(_V.uid, _V.name, _V.semver).order_by(_V.created_ms)).all()
    named = {row.uid: f"{row.name} {row.semver}" for row in rows}
    return _covered("versions registered or adopted", "acgs_version", named, told.uids)


def _deletions(connection: Connection, told: _Told) -> Covered:
    query = select(_V.name, _V.version, _V.semver).where(_V.deleted_ms.is_not(None))
    rows = connection.execute(query).all()
    named = {tuple(row): f"{row.name} {row.semver}" for row in rows}
    return _covered("versions deleted", "acgs_version.deleted_ms", named, told.deleted)


def _requests(connection: Connection, told: _Told) -> Covered:
    named = {i: f"request {i}" for i in connection.execute(select(_R.id)).scalars()}
    made = told.requests.get("created", set())
    return _covered("requests made", "acgs_transition_request", named, made)


def _decisions(connection: Connection, told: _Told) -> Covered:
    rows = connection.execute(select(_R.id, _R.state).where(_R.state.in_(_DECIDED))).all()
    named = {(row.id, row.state): f"request {row.id}, {row.state}" for row in rows}
    events = {(i, state) for state in _DECIDED for i in told.requests.get(state, ())}
    return _covered("requests decided", "acgs_transition_request.state", named, events)


def _votes(connection: Connection, told: _Told) -> Covered:
    a = tables.approval.c
    rows = connection.execute(select(a.request_id, a.actor, a.approved)).all()
    named = {
        (row.request_id, row.actor, bool(row.approved)): f"{row.actor} on request {row.request_id}"
        for row in rows
    }
    return _covered("votes", "acgs_approval", named, told.votes)


def _endpoints(connection: Connection, told: _Told) -> Covered:
    names = connection.execute(select(tables.endpoint.c.name)).scalars()
    return _covered(
        "endpoints created", "acgs_endpoint", {n: f"endpoint {n}" for n in names}, told.endpoints
    )


def _rollouts(connection: Connection, told: _Told) -> Covered:
    ids = connection.execute(select(tables.rollout.c.id)).scalars()
    return _covered(
        "rollouts started", "acgs_rollout", {i: f"rollout {i}" for i in ids}, told.rollouts
    )


def _stages(connection: Connection, told: _Told) -> Covered:
    """Count versions whose stage is the one that the last event about them says."""
    query = (
        select(_MV.name, _MV.version, _MV.current_stage)
        .join(
            tables.version,
            (_V.name == _MV.name) & (_V.version == _MV.version) & _V.deleted_ms.is_(None),
        )
        .where(_MV.workspace == mlflow.WORKSPACE)
    )
    named = {}
    for name, version, stage in connection.execute(query):
        # The events of a model that was renamed are about its former names.
        if name not in told.renamed:
            known = told.stages.get((name, version))
            named[name, version, stage] = f"{name} {version}: in {stage}, the events say {known}"
    events = {(name, version, stage) for (name, version), stage in told.stages.items()}
    return _covered("stages of versions", "model_versions.current_stage", named, events)


_COUNTS: tuple[Callable[[Connection, _Told], Covered], ...] = (
    _versions,
    _deletions,
    _requests,
    _decisions,
    _votes,
    _stages,
    _endpoints,
    _rollouts,
)


def _covered(
    operation: str, source: str, named: Mapping[Any, str], events: Collection[Any]
) -> Covered:
    gaps = tuple(text for key, text in named.items() if key not in events)
    return Covered(operation, source, len(named), len(named) - len(gaps), gaps)
