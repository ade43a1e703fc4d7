"""A request's rows: inserted, read as facts, and closed by compare-and-set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    insert,
    select,
    update,
)

from infra.settings import Settings
from registry.adapters import mirror, tables, version_rows
from registry.audit.adapters import events
from registry.domain.canonical import digest
from registry.domain.records import Ask, Request
from registry.domain.values import (
    SYSTEM,
    Enforcement,
    Reason,
    RequestKind,
    RequestState,
    Stage,
    Standing,
    Verdict,
    shown_score,
)
from registry.errors import RequestClosedError, UnknownRequestError, VersionYankedError
from registry.files.adapters import custody_rows
from registry.gate.adapters import grants, verdicts
from registry.gate.domain.requests import Facts, Granted, Refused
from registry.governance.adapters import evidence_file
from registry.governance.domain.governance import Governance
from registry.rollouts.adapters import rollout_rows
from registry.stages.adapters import positions

_R = tables.request.c


def insert_request(connection: Connection, ask: Ask, manifest_digest: str, at_ms: int) -> int:
    """Insert an open request and its event; one transaction makes both or neither."""
    stage = positions.position(connection, ask.version).stage
    result = connection.execute(
        insert(tables.request).values(
            kind=ask.kind.value,
            version_uid=ask.version.uid,
            name=ask.version.name,
            version=ask.version.version,
            semver=ask.version.semver,
            judged_as=ask.judged_as,
            target=ask.target.value,
            alias=ask.alias,
            from_stage=(stage or Stage.NONE).value,
            archive_existing=ask.archive_existing,
            manifest_digest=manifest_digest,
            state=RequestState.OPEN.value,
            actor=ask.actor,
            created_ms=at_ms,
        )
    )
    key = result.inserted_primary_key
    if key is None:
        raise RuntimeError("the database returned no key for an inserted request")
    request_id = int(key[0])
    if not mirror.is_shown(connection, ask.version):
        mirror.show(connection, ask.version)
    events.record(
        connection,
        "transition_request.created",
        name=ask.version.name,
        version=ask.version.version,
        request_id=request_id,
        actor=ask.actor,
        at_ms=at_ms,
        data={
            "kind": ask.kind.value,
            "semver": ask.version.semver,
            "judged_as": ask.judged_as,
            "target": ask.target.value,
            "alias": ask.alias,
            "from_stage": (stage or Stage.NONE).value,
            "manifest_digest": manifest_digest,
        },
    )
    return request_id


def granted_since(connection: Connection, ask: Ask, manifest_digest: str, at_ms: int) -> int | None:
    """Return the identical transition that was granted at or after a moment, if one was.

    Copies and renames are never joined so: each uses up a grant of its own.
    """
    if ask.kind is not RequestKind.TRANSITION:
        return None
    found = connection.execute(
        select(_R.id).where(
            _R.version_uid == ask.version.uid,
            _R.kind == ask.kind.value,
            _R.judged_as == ask.judged_as,
            _R.target == ask.target.value,
            _R.alias == ask.alias,
            _R.manifest_digest == manifest_digest,
            _R.state == RequestState.GRANTED.value,
            _R.decided_ms >= at_ms,
        )
    ).scalar()
    return None if found is None else int(found)


def same_verdict(known: Mapping[str, Any], verdict: Verdict) -> bool:
    """Whether a stored scorecard says the same."""
    return digest(known) == digest(_scorecard_document(verdict))


def _scorecard_document(verdict: Verdict) -> dict[str, Any]:
    return {**verdict.document, "reasons": [asdict(reason) for reason in verdict.reasons]}


def insert_scorecard(
    connection: Connection,
    verdict: Verdict,
    at_ms: int,
    *,
    request_id: int | None,
    version_uid: str,
    judged_as: str,
    target: Stage,
) -> int:
    """Insert a verdict and return its number."""
    result = connection.execute(
        insert(tables.scorecard).values(
            request_id=request_id,
            version_uid=version_uid,
            judged_as=judged_as,
            target=target.value,
            manifest_digest=verdict.manifest_digest,
            constitution_digest=verdict.constitution_digest,
            evidence_digest=verdict.evidence_digest,
            enforcement=verdict.enforcement.value,
            score=verdict.score,
            passed=verdict.passed,
            approvals_needed=verdict.approvals_needed,
            document=_scorecard_document(verdict),
            report_run_id=verdict.report_run_id,
            created_ms=at_ms,
        )
    )
    key = result.inserted_primary_key
    if key is None:
        raise RuntimeError("the database returned no key for an inserted scorecard")
    return int(key[0])


def announce_verdict(
    connection: Connection, request: Request, verdict: Verdict, at_ms: int
) -> None:
    """Record that a verdict arrived, and show it in MLflow."""
    events.record(
        connection,
        "scorecard.attached",
        name=request.name,
        version=request.version,
        request_id=request.id,
        actor=SYSTEM,
        at_ms=at_ms,
        data={
            "score": verdict.score,
            "passed": verdict.passed,
            "manifest_digest": verdict.manifest_digest,
            "constitution_digest": verdict.constitution_digest,
            "evidence_digest": verdict.evidence_digest,
            "failed_rules": [reason.rule for reason in verdict.reasons],
        },
    )
    show_verdict(connection, request.version_uid)


def show_verdict(connection: Connection, version_uid: str) -> None:
    """Show in MLflow the verdict on a version itself, and the report it is explained by."""
    record = version_rows.version_by_uid(connection, version_uid)
    card = verdicts.verdict_on(connection, version_uid)
    if record is None or record.deleted_ms is not None or card is None:
        return
    page = mirror.report_page(connection, card.report_run_id) if card.report_run_id else None
    outcome = "passed" if card.passed else "failed"
    mirror.set_tags(
        connection,
        record.name,
        record.version,
        {
            "acgs.score": shown_score(card.score),
            "acgs.verdict": f"{outcome} for {card.target}",
            "acgs.report": page or "",
        },
    )


def show_state(connection: Connection, request: Request, state: str) -> None:
    """Show in MLflow how a version's newest request stands; a copy or rename is not its own."""
    if request.kind is RequestKind.TRANSITION:
        tags = {"acgs.request": f"{request.id}: {state}"}
        mirror.set_tags(connection, request.name, request.version, tags)


def open_request(connection: Connection, request_id: int) -> Request:
    """Return a request that is still open.

    Raises:
        UnknownRequestError: there is none with this number.
        RequestClosedError: it was decided already.
    """
    request = find(connection, request_id)
    if request is None:
        raise UnknownRequestError(
            f"expected a request {request_id}, found none", hint="acgs request list"
        )
    if request.state is not RequestState.OPEN:
        raise RequestClosedError(
            f"expected request {request_id} to be open, found it {request.state}",
            hint=f"acgs request show {request_id}",
        )
    return request


def facts(
    connection: Connection,
    request: Request,
    governance: Governance,
    manifest_digest: str | None,
    settings: Settings,
) -> Facts:
    """Gather what a decision needs, as one snapshot."""
    card = verdicts.scorecard_of(connection, request.id)
    record = version_rows.version_by_uid(connection, request.version_uid)
    rollout = rollout_rows.active_rollout(connection, request.name)
    return Facts(
        kind=request.kind,
        target=request.target,
        request_manifest_digest=request.manifest_digest,
        manifest_digest=manifest_digest,
        constitution_digest=governance.constitution_digest,
        evidence_digest=evidence_file.binding_digest(settings, request.judged_as),
        # A name that nothing governs any more is still held to the strictest mode here: the
        # request was made while it was governed.
        enforcement=governance.enforcement(request.judged_as) or Enforcement.ENFORCE,
        from_stage=request.from_stage,
        current_stage=positions.position(connection, record).stage if record else None,
        scorecard=verdicts.judged(card) if card else None,
        ballots=verdicts.ballots(connection, request.id),
        served_before=request.kind is RequestKind.TRANSITION
        and verdicts.served_before(
            connection, request.name, request.version_uid, request.manifest_digest
        ),
        rollout_in_progress=rollout is not None,
        standing=record.standing if record else Standing.ACTIVE,
        standing_reason=record.standing_reason if record else None,
        prerelease=record.semver if record and record.prerelease else None,
        unusable=custody_rows.unusable(connection, request.version_uid),
    )


def apply(
    connection: Connection, request: Request, decision: Granted | Refused, at_ms: int
) -> None:
    """Close a request as decided and, where granted, carry the grant out."""
    match decision:
        case Refused(reasons):
            body = {"reasons": [asdict(r) for r in reasons], "warnings": []}
            close(connection, request, RequestState.REFUSED, body, actor=SYSTEM, at_ms=at_ms)
        case Granted(warnings):
            _require_standing(connection, request)
            body = {"reasons": [], "warnings": [asdict(r) for r in warnings]}
            if close(connection, request, RequestState.GRANTED, body, actor=SYSTEM, at_ms=at_ms):
                grants.carry_out(connection, request, at_ms)


def _require_standing(connection: Connection, request: Request) -> None:
    """Lock the version against being yanked while its grant is carried out.

    Raises:
        VersionYankedError: it was, since the decision looked; deciding again refuses.
    """
    v = tables.version.c
    standing = connection.execute(
        select(v.standing).where(v.uid == request.version_uid).with_for_update()
    ).scalar()
    if standing == Standing.YANKED.value:
        raise VersionYankedError(
            f"expected {request.ref} to be granted, found that it was yanked meanwhile",
            hint="ask again",
        )


def close(
    connection: Connection,
    request: Request,
    state: RequestState,
    decision: Mapping[str, Any],
    *,
    actor: str,
    at_ms: int,
    mirrored: bool = True,
) -> bool:
    """Close a request by compare-and-set; False when somebody else was first.

    `mirrored` is False where MLflow no longer has the version under the request's name.
    """
    result = connection.execute(
        update(tables.request)
        .where(_R.id == request.id, _R.state == RequestState.OPEN.value)
        .values(state=state.value, decided_ms=at_ms, decision=dict(decision))
    )
    if result.rowcount != 1:
        return False
    events.record(
        connection,
        f"transition_request.{state.value}",
        name=request.name,
        version=request.version,
        request_id=request.id,
        actor=actor,
        at_ms=at_ms,
        data={
            "target": request.target.value,
            "alias": request.alias,
            "kind": request.kind.value,
            **decision,
        },
    )
    if mirrored:
        show_state(connection, request, f"{state.value} for {request.target}")
    return True


def refuse_open(
    connection: Connection, version_uid: str, reason: Reason, actor: str, at_ms: int
) -> None:
    """Refuse whatever is still asked about a version, in the caller's transaction."""
    _refuse_open(connection, _R.version_uid == version_uid, reason, actor, at_ms)


def refuse_open_of_model(
    connection: Connection, name: str, reason: Reason, actor: str, at_ms: int
) -> None:
    """Refuse whatever is still asked about a model's versions, in the caller's transaction."""
    v = tables.version.c
    live = select(v.uid).where(v.name == name, v.deleted_ms.is_(None))
    _refuse_open(connection, _R.version_uid.in_(live), reason, actor, at_ms)


def _refuse_open(
    connection: Connection, which: ColumnElement[bool], reason: Reason, actor: str, at_ms: int
) -> None:
    open_rows = connection.execute(
        select(tables.request).where(which, _R.state == RequestState.OPEN.value)
    ).all()
    decision = {"reasons": [asdict(reason)], "warnings": []}
    for row in open_rows:
        close(
            connection,
            request_record(row),
            RequestState.REFUSED,
            decision,
            actor=actor,
            at_ms=at_ms,
            mirrored=False,
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


def find(connection: Connection, request_id: int) -> Request | None:
    """Return one request."""
    row = connection.execute(select(tables.request).where(_R.id == request_id)).one_or_none()
    return request_record(row) if row else None
