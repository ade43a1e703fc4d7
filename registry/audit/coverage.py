"""Compares what stands in the registry's tables with the events that should tell how it came there.

The tables are another source than the audit trail: a row that somebody wrote by SQL, or code that
forgot its event, has a row and no event. Each such row is named. What leaves no row of its own, as
reading does, and what the servers' access logs would tell, is not counted, and said to be so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from registry.adapters import mlflow_tables as mlflow
from registry.adapters import tables
from registry.audit.covered import Covered
from registry.audit.history import DECIDED, History
from registry.audit.rules_in_force import documents, roles, tokens
from registry.audit.verdict_rows import requested_verdicts, unrequested_verdicts
from registry.domain.values import GOVERNED_ALIASES

_V = tables.version.c
_R = tables.request.c
_MV = mlflow.model_versions.c


def coverage(connection: Connection, told: History) -> list[Covered]:
    """Return how far events cover what the tables hold, by kind of operation."""
    return [
        *(count(connection, told) for count in _COUNTS),
        Covered("requests over HTTP", "no data: the servers keep no access log", None),
        Covered("changes that were undone or overwritten", "no data: they leave no row", None),
    ]


def total(found: Sequence[Covered]) -> tuple[int, int]:
    """Return how many operations were counted, and how many of them are audited."""
    return sum(one.counted or 0 for one in found), sum(one.audited for one in found)


def contradictions(found: Sequence[Covered]) -> list[str]:
    """Return each row that decides something and is not as the events tell."""
    return [gap for one in found if one.decides for gap in one.gaps]


def _versions(connection: Connection, told: History) -> Covered:
    rows = connection.execute(select(_V.uid, _V.name, _V.semver).order_by(_V.created_ms)).all()
    named = {row.uid: f"{row.name} {row.semver}" for row in rows}
    return _covered("versions registered or adopted", "acgs_version", named, told.uids)


def _deletions(connection: Connection, told: History) -> Covered:
    query = select(_V.name, _V.version, _V.semver).where(_V.deleted_ms.is_not(None))
    rows = connection.execute(query).all()
    named = {tuple(row): f"{row.name} {row.semver}" for row in rows}
    return _covered("versions deleted", "acgs_version.deleted_ms", named, told.deleted)


def _requests(connection: Connection, told: History) -> Covered:
    named = {i: f"request {i}" for i in connection.execute(select(_R.id)).scalars()}
    made = told.requests.get("created", set())
    return _covered("requests made", "acgs_transition_request", named, made)


def _decisions(connection: Connection, told: History) -> Covered:
    rows = connection.execute(select(_R.id, _R.state).where(_R.state.in_(DECIDED))).all()
    named = {(row.id, row.state): f"request {row.id}, {row.state}" for row in rows}
    events = {(i, state) for state in DECIDED for i in told.requests.get(state, ())}
    source = "acgs_transition_request.state"
    return _covered("requests decided", source, named, events, decides=True)


def _votes(connection: Connection, told: History) -> Covered:
    a = tables.approval.c
    rows = connection.execute(select(a.request_id, a.actor, a.approved)).all()
    named = {
        (row.request_id, row.actor, bool(row.approved)): f"{row.actor} on request {row.request_id}"
        for row in rows
    }
    return _covered("votes", "acgs_approval", named, told.votes, decides=True)


def _endpoints(connection: Connection, told: History) -> Covered:
    names = connection.execute(select(tables.endpoint.c.name)).scalars()
    return _covered(
        "endpoints created", "acgs_endpoint", {n: f"endpoint {n}" for n in names}, told.endpoints
    )


def _rollouts(connection: Connection, told: History) -> Covered:
    ids = connection.execute(select(tables.rollout.c.id)).scalars()
    return _covered(
        "rollouts started", "acgs_rollout", {i: f"rollout {i}" for i in ids}, told.rollouts
    )


def _stages(connection: Connection, told: History) -> Covered:
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
    source = "model_versions.current_stage"
    return _covered("stages of versions", source, named, events, decides=True)


def _aliases(connection: Connection, told: History) -> Covered:
    """Count `champion` and `challenger` where they point at what the last event says."""
    a = mlflow.aliases.c
    query = (
        select(a.name, a.alias, a.version)
        .join(
            tables.version,
            (_V.name == a.name) & (_V.version == a.version) & _V.deleted_ms.is_(None),
        )
        .where(a.workspace == mlflow.WORKSPACE)
    )
    named = {}
    for name, alias, version in connection.execute(query):
        key = (name, alias.lower())
        # An alias from before adoption has no event until it moves.
        kept = key not in told.aliases and (name, version) in told.adopted
        if alias.lower() in GOVERNED_ALIASES and name not in told.renamed and not kept:
            known = told.aliases.get(key)
            said = "none" if known is None else known
            named[*key, version] = f"{name}@{alias}: version {version}, the events say {said}"
    events = {(*key, version) for key, version in told.aliases.items()}
    source = "registered_model_aliases"
    return _covered("champion and challenger", source, named, events, decides=True)


_COUNTS: tuple[Callable[[Connection, History], Covered], ...] = (
    _versions,
    _deletions,
    _requests,
    _decisions,
    _votes,
    requested_verdicts,
    unrequested_verdicts,
    _stages,
    _aliases,
    roles,
    documents,
    tokens,
    _endpoints,
    _rollouts,
)


def _covered(
    operation: str,
    source: str,
    named: Mapping[Any, str],
    events: Collection[Any],
    *,
    decides: bool = False,
) -> Covered:
    gaps = tuple(text for key, text in named.items() if key not in events)
    return Covered.of(operation, source, len(named), gaps, decides=decides)
