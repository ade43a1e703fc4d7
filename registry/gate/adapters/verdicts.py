"""Reads what the scorer said of a version."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, or_, select

from registry.adapters import tables
from registry.domain.canonical import digest
from registry.domain.reasons import Reason
from registry.domain.records import Scorecard
from registry.domain.values import Enforcement, RequestKind, RequestState, Stage
from registry.gate.domain.judged import JudgedScorecard
from registry.rollouts.adapters import rollout_rows

_V = tables.version.c


_R = tables.request.c


def scorecards(connection: Connection, version_uid: str) -> list[Scorecard]:
    """Return a version's verdicts, newest first."""
    s = tables.scorecard.c
    rows = connection.execute(
        select(tables.scorecard).where(s.version_uid == version_uid).order_by(s.id.desc())
    )
    return [_scorecard(row) for row in rows]


def own_verdict() -> ColumnElement[bool]:
    """Restrict a query of version, scorecard and request (outer) to verdicts on the version itself.

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
    """Return the newest verdict on a version itself, under its current name."""
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
        digest=digest(card.document),
    )


def served_before(
    connection: Connection, name: str, version_uid: str, manifest_digest: str
) -> bool:
    """Return whether this version, with these files, was champion under this name and is trusted.

    What counts is a Production request that was judged under this very name, passed, was granted,
    and led to no rollout or to one that succeeded. A canary that was rolled back never served; a
    grant under `observe` or `warn`, or under a name that was since changed, proves nothing here;
    a version that a person rolled back is judged again.
    """
    has_endpoint = rollout_rows.endpoint(connection, name) is not None
    if has_endpoint and version_uid not in rollout_rows.trusted_versions(connection, name):
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
