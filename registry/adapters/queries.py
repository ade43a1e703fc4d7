"""Rows to records and back: every read of the registry's tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, or_, select

from registry.adapters import mlflow_tables as mlflow
from registry.adapters import tables
from registry.domain.history import Crowning, trusted
from registry.domain.requests import Ballot, JudgedScorecard
from registry.domain.signature import Signature
from registry.domain.values import (
    Enforcement,
    Reason,
    RequestKind,
    RequestState,
    SignatureOrigin,
    Stage,
    Standing,
)
from registry.records import Endpoint, Request, Rollout, Scorecard, VersionRecord

_V = tables.version.c
_R = tables.request.c
_MV = mlflow.model_versions.c
DELETED = "Deleted_Internal"
"""MLflow's stage of a deleted version (STAGE_DELETED_INTERNAL)."""


def version_record(row: Row[Any]) -> VersionRecord:
    """Make a record of a row of `acgs_version`."""
    values = dict(row._mapping)
    raw, origin = values.pop("signature"), values.pop("signature_origin")
    return VersionRecord(
        **{**values, "standing": Standing(values["standing"])},
        signature=Signature.from_json(raw) if raw else None,
        signature_origin=SignatureOrigin(origin) if origin else None,
    )


def request_record(row: Row[Any]) -> Request:
    """Make a record of a row of `acgs_transition_request`."""
    values = dict(row._mapping)
    return Request(
        **{
            **values,
            "kind": RequestKind(values["kind"]),
            "target": Stage(values["target"]),
            "from_stage": Stage(values["from_stage"]),
            "state": RequestState(values["state"]),
            "decision": values["decision"] or {},
        }
    )


def version_by_uid(connection: Connection, uid: str) -> VersionRecord | None:
    """Return a version by its identity, deleted or not."""
    row = connection.execute(select(tables.version).where(_V.uid == uid)).one_or_none()
    return version_record(row) if row else None


def live_version(connection: Connection, name: str, number: int) -> VersionRecord | None:
    """Return a version that is not deleted, by MLflow's number."""
    row = connection.execute(
        select(tables.version).where(_V.name == name, _V.version == number, _V.deleted_ms.is_(None))
    ).one_or_none()
    return version_record(row) if row else None


def live_semver(connection: Connection, name: str, semver: str) -> VersionRecord | None:
    """Return a version that is not deleted, by semantic version."""
    row = connection.execute(
        select(tables.version).where(_V.name == name, _V.semver == semver, _V.deleted_ms.is_(None))
    ).one_or_none()
    return version_record(row) if row else None


def semvers(connection: Connection, name: str, limit: int) -> tuple[list[str], int]:
    """Return the newest semantic versions of a model, and how many it has."""
    live = (_V.name == name, _V.deleted_ms.is_(None))
    newest = select(_V.semver).where(*live).order_by(_V.version.desc()).limit(limit)
    count = select(func.count()).select_from(tables.version).where(*live)
    return list(connection.execute(newest).scalars()), connection.execute(count).scalar_one()


def source_of(connection: Connection, name: str, number: int) -> str | None:
    """Return a live version's registration source as MLflow has it; None if there is none."""
    return connection.execute(
        select(_MV.source).where(
            _MV.workspace == mlflow.WORKSPACE,
            _MV.name == name,
            _MV.version == number,
            _MV.current_stage != DELETED,
        )
    ).scalar()


def location_of(connection: Connection, name: str, number: int) -> str | None:
    """Return where MLflow reads a live version's files; None if there is no such version.

    Its source may name another version, by a name that is gone since.
    """
    return connection.execute(
        select(mlflow.LOCATION).where(
            _MV.workspace == mlflow.WORKSPACE,
            _MV.name == name,
            _MV.version == number,
            _MV.current_stage != DELETED,
        )
    ).scalar()


def request(connection: Connection, request_id: int) -> Request | None:
    """Return one request."""
    row = connection.execute(select(tables.request).where(_R.id == request_id)).one_or_none()
    return request_record(row) if row else None


def scorecards(connection: Connection, version_uid: str) -> list[Scorecard]:
    """Return a version's verdicts, newest first."""
    s = tables.scorecard.c
    rows = connection.execute(
        select(tables.scorecard).where(s.version_uid == version_uid).order_by(s.id.desc())
    )
    return [_scorecard(row) for row in rows]


def own_verdict() -> ColumnElement[bool]:
    """Of version, scorecard and request (outer), the rows whose verdict is on the version itself.

    A copy is another version, and a rename to a name that it does not bear did not happen.
    """
    s = tables.scorecard.c
    as_itself = s.judged_as == _V.name
    return or_(
        and_(s.request_id.is_(None), as_itself),
        _R.kind == RequestKind.TRANSITION.value,
        and_(_R.kind == RequestKind.RENAME.value, as_itself),
    )


def verdict_on(connection: Connection, version_uid: str) -> Scorecard | None:
    """Return the newest verdict on a version itself, under the name it bears."""
    s = tables.scorecard.c
    row = connection.execute(
        select(tables.scorecard)
        .join_from(tables.scorecard, tables.version, _V.uid == s.version_uid)
        .outerjoin(tables.request, _R.id == s.request_id)
        .where(s.version_uid == version_uid, own_verdict())
        .order_by(s.id.desc())
        .limit(1)
    ).one_or_none()
    return _scorecard(row) if row else None


def scorecard_of(connection: Connection, request_id: int) -> Scorecard | None:
    """Return the newest verdict given on a request."""
    s = tables.scorecard.c
    row = connection.execute(
        select(tables.scorecard).where(s.request_id == request_id).order_by(s.id.desc()).limit(1)
    ).one_or_none()
    return _scorecard(row) if row else None


def _scorecard(row: Row[Any]) -> Scorecard:
    values = dict(row._mapping)
    values["target"] = Stage(values["target"])
    return Scorecard(**values)


def judged(card: Scorecard) -> JudgedScorecard:
    """Return what a decision needs of a scorecard."""
    raw = card.document.get("reasons", [])
    return JudgedScorecard(
        score=card.score,
        passed=card.passed,
        enforcement=Enforcement(card.enforcement),
        approvals_needed=card.approvals_needed,
        manifest_digest=card.manifest_digest,
        constitution_digest=card.constitution_digest,
        evidence_digest=card.evidence_digest,
        reasons=tuple(Reason(**reason) for reason in raw),
    )


def ballots(connection: Connection, request_id: int) -> tuple[Ballot, ...]:
    """Return who said what on a request."""
    a = tables.approval.c
    rows = connection.execute(
        select(a.actor, a.approved, a.comment, a.manifest_digest)
        .where(a.request_id == request_id)
        .order_by(a.id)
    )
    return tuple(Ballot(*row) for row in rows)


def served_before(
    connection: Connection, name: str, version_uid: str, manifest_digest: str
) -> bool:
    """Whether this version, with these files, was champion under this name and is still trusted.

    What counts is a Production request that was judged under this very name, passed, was granted,
    and led to no rollout or to one that succeeded. A canary that was rolled back never served; a
    grant under `observe` or `warn`, or under a name that was since changed, proves nothing here;
    what a person went back from is judged anew.
    """
    if endpoint(connection, name) is not None and version_uid not in trusted_versions(
        connection, name
    ):
        return False
    ro, s = tables.rollout.c, tables.scorecard.c
    failed = exists().where(ro.request_id == _R.id, ro.phase != "succeeded")
    passed = exists().where(
        s.request_id == _R.id, s.passed, s.enforcement == Enforcement.ENFORCE.value
    )
    return bool(
        connection.execute(
            select(func.count())
            .select_from(tables.request)
            .where(
                _R.version_uid == version_uid,
                _R.kind == RequestKind.TRANSITION.value,
                _R.judged_as == name,
                _R.target == Stage.PRODUCTION.value,
                _R.state == RequestState.GRANTED.value,
                _R.manifest_digest == manifest_digest,
                ~failed,
                passed,
            )
        ).scalar()
    )


def endpoint(connection: Connection, name: str) -> Endpoint | None:
    """Return one endpoint."""
    row = connection.execute(
        select(tables.endpoint).where(tables.endpoint.c.name == name)
    ).one_or_none()
    return Endpoint(**row._mapping) if row else None


def endpoints(connection: Connection) -> list[Endpoint]:
    """Return every endpoint, by name."""
    rows = connection.execute(select(tables.endpoint).order_by(tables.endpoint.c.name))
    return [Endpoint(**row._mapping) for row in rows]


def rollouts(
    connection: Connection, *, active: bool = False, endpoint: str | None = None
) -> list[Rollout]:
    """Return rollouts, oldest first."""
    query = select(tables.rollout).order_by(tables.rollout.c.id)
    if active:
        query = query.where(tables.rollout.c.finished_ms.is_(None))
    if endpoint is not None:
        query = query.where(tables.rollout.c.endpoint == endpoint)
    return [rollout_record(row) for row in connection.execute(query)]


def rollout(connection: Connection, rollout_id: int) -> Rollout | None:
    """Return one rollout."""
    row = connection.execute(
        select(tables.rollout).where(tables.rollout.c.id == rollout_id)
    ).one_or_none()
    return rollout_record(row) if row else None


def rollout_record(row: Row[Any]) -> Rollout:
    """Make a record of a row of `acgs_rollout`."""
    values = dict(row._mapping)
    values["candidate_from_stage"] = Stage(values["candidate_from_stage"])
    values["reasons"] = tuple(values["reasons"])
    return Rollout(**values)


def active_rollout(connection: Connection, endpoint: str) -> Rollout | None:
    """Return the unfinished rollout of an endpoint, if there is one."""
    found = rollouts(connection, active=True, endpoint=endpoint)
    return found[0] if found else None


def trusted_versions(connection: Connection, endpoint: str) -> tuple[str, ...]:
    """Return the versions an endpoint still trusts, oldest first; the last is stable now."""
    return trusted(
        Crowning(ro.candidate_uid, is_rollback=bool(ro.state.get("rollback_reason")))
        for ro in rollouts(connection, endpoint=endpoint)
        if ro.phase == "succeeded"
    )


def rollback_candidates(connection: Connection, endpoint: str) -> tuple[str, ...]:
    """Return the versions that a rollback may bring back, newest first; a yanked one never."""
    before = trusted_versions(connection, endpoint)[:-1]
    usable = set(
        connection.execute(
            select(_V.uid).where(_V.uid.in_(before), _V.standing != Standing.YANKED.value)
        ).scalars()
    )
    return tuple(uid for uid in reversed(before) if uid in usable)


def rollback_target(connection: Connection, endpoint: str) -> str | None:
    """Return the version that a rollback of an endpoint would bring back, or needs repaired."""
    candidates = rollback_candidates(connection, endpoint)
    q = tables.quarantine.c.version_uid
    kept_from_use = set(connection.execute(select(q).where(q.in_(candidates))).scalars())
    good = (uid for uid in candidates if uid not in kept_from_use)
    return next(good, next(iter(candidates), None))
