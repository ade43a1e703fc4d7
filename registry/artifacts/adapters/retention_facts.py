"""Gathers what retention needs to know of every version, in a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Connection, exists, func, null, or_, select

from infra.settings import Settings
from registry.adapters import mlflow_tables as mlflow
from registry.adapters import tables as core
from registry.adapters import version_rows
from registry.artifacts.adapters import tables
from registry.artifacts.domain.retention import FolderClaim, RetentionFacts
from registry.domain.records import VersionRecord
from registry.domain.values import GOVERNED_STAGES, RequestState
from registry.errors import ArtifactError
from registry.files.adapters import locations
from registry.files.adapters.real_places import real_place
from registry.rollouts.adapters import rollout_rows

_V = core.version.c
_T = core.tenure.c
_ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class Uses:
    """Says which versions are needed now, and by what, by identity."""

    serving: frozenset[str]
    rollback: frozenset[str]
    requests: dict[str, list[int]]
    rollouts: dict[str, list[int]]
    holds: dict[str, str]
    left_ms: dict[str, int]


def gather(
    connection: Connection, settings: Settings, governs: Callable[[str], bool]
) -> list[tuple[VersionRecord, RetentionFacts]]:
    """Return every version whose files are kept, deleted ones included, oldest first.

    Args:
        connection: of the caller's transaction.
        settings: say where the artifact proxy keeps what it is given.
        governs: whether a name is governed.
    """
    uses = _uses(connection)
    stages, aliases = _stages(connection), _aliases(connection)
    rows = connection.execute(
        select(core.version)
        .where(_V.manifest_digest.is_not(None), _V.uid.not_in(select(tables.freed.c.version_uid)))
        .order_by(_V.created_ms, _V.uid)
    )
    found = []
    for row in rows:
        record = version_rows.version_record(row)
        key = (record.name, record.version) if record.deleted_ms is None else ("", 0)
        place = _place(connection, settings, record.storage_uri, record.source)
        facts = _facts(record, place, uses, stages.get(key, ""), aliases.get(key, ()))
        facts = replace(facts, governed=governs(record.name))
        found.append((record, facts))
    return found


def claims(connection: Connection, settings: Settings) -> list[FolderClaim]:
    """Return the folders of kept versions whose files are not listed.

    They could not be read at registration, or plain MLflow registered them.
    """
    held = _V.uid.in_(select(core.hold.c.version_uid))
    unread = connection.execute(
        select(_V.name, _V.version, _V.storage_uri, _V.source).where(
            _V.manifest_digest.is_(None), or_(_V.deleted_ms.is_(None), held)
        )
    ).all()
    v = mlflow.model_versions.c
    recorded = exists().where(_V.name == v.name, _V.version == v.version, _V.deleted_ms.is_(None))
    plain = connection.execute(
        select(v.name, v.version, null().label("storage_uri"), mlflow.LOCATION.label("source"))
        # Of every workspace: they share one store.
        .where(
            v.current_stage != mlflow.DELETED,
            mlflow.LOCATION.not_in(mlflow.PROMPT_SOURCES),
            or_(v.workspace != mlflow.WORKSPACE, ~recorded),
        )
    ).all()
    found = []
    for row in (*unread, *plain):
        place = _place(connection, settings, row.storage_uri, row.source)
        if place is not None:
            found.append(FolderClaim(f"{row.name} version {row.version}", place))
    return found


def _place(connection: Connection, settings: Settings, uri: str | None, source: str) -> str | None:
    try:
        return real_place(settings, uri or locations.storage_uri(connection, source))
    except ArtifactError:
        return None


def _facts(
    record: VersionRecord, place: str | None, uses: Uses, stage: str, aliases: Iterable[str]
) -> RetentionFacts:
    uid = record.uid
    moments = (record.created_ms, record.deleted_ms or 0, uses.left_ms.get(uid, 0))
    return RetentionFacts(
        uid=uid,
        ref=str(record.ref),
        place=place,
        reachable=place is not None and place.startswith(("file:/", "s3://")),
        needed_ms=max(moments),
        serves=uid in uses.serving,
        rollback_target=uid in uses.rollback,
        stage=stage,
        aliases=tuple(aliases),
        legal_hold=uses.holds.get(uid, ""),
        open_requests=tuple(uses.requests.get(uid, ())),
        active_rollouts=tuple(uses.rollouts.get(uid, ())),
    )


def _uses(connection: Connection) -> Uses:
    endpoints = list(connection.execute(select(core.endpoint.c.name, core.endpoint.c.stable_uid)))
    serving = {row.stable_uid for row in endpoints if row.stable_uid}
    serving |= set(
        connection.execute(
            select(_T.version_uid).where(_T.place == _ENDPOINT, _T.to_ms.is_(None))
        ).scalars()
    )
    names = {row.name for row in endpoints} | set(
        connection.execute(
            select(_T.name).where(_T.place == "stage", _T.slot == "Production").distinct()
        ).scalars()
    )
    rollback = {rollout_rows.rollback_target(connection, name) for name in names}
    r, o, h = core.request.c, core.rollout.c, core.hold.c
    requests: dict[str, list[int]] = defaultdict(list)
    for request in connection.execute(
        select(r.version_uid, r.id).where(r.state == RequestState.OPEN.value)
    ):
        requests[request.version_uid].append(request.id)
    rollouts: dict[str, list[int]] = defaultdict(list)
    for rollout in connection.execute(
        select(o.id, o.candidate_uid, o.stable_uid).where(o.finished_ms.is_(None))
    ):
        for uid in {rollout.candidate_uid, rollout.stable_uid} - {None}:
            rollouts[uid].append(rollout.id)
    holds = {
        row.version_uid: row.reason for row in connection.execute(select(h.version_uid, h.reason))
    }
    left = connection.execute(
        select(_T.version_uid, func.max(_T.to_ms))
        .where(_T.to_ms.is_not(None))
        .group_by(_T.version_uid)
    )
    return Uses(
        frozenset(serving),
        frozenset(uid for uid in rollback if uid),
        requests,
        rollouts,
        holds,
        {uid: int(at) for uid, at in left},
    )


def _stages(connection: Connection) -> dict[tuple[str, int], str]:
    v = mlflow.model_versions.c
    rows = connection.execute(
        select(v.name, v.version, v.current_stage).where(
            v.workspace == mlflow.WORKSPACE,
            v.current_stage.in_([stage.value for stage in GOVERNED_STAGES]),
        )
    )
    return {(row.name, row.version): row.current_stage for row in rows}


def _aliases(connection: Connection) -> dict[tuple[str, int], list[str]]:
    a = mlflow.aliases.c
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    rows = connection.execute(
        select(a.name, a.version, a.alias).where(a.workspace == mlflow.WORKSPACE)
    )
    for row in rows:
        found[row.name, row.version].append(row.alias)
    return found
