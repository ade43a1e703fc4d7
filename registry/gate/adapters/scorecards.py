"""Stores verdicts as scorecards, announces them, and shows them in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, insert, update

from registry.adapters import mirror, tables, version_rows
from registry.audit.adapters import events
from registry.domain.canonical import digest
from registry.domain.records import Act, Request
from registry.domain.values import SYSTEM, RequestState, Stage, Verdict, shown_score
from registry.gate.adapters import verdicts


@dataclass(frozen=True, slots=True)
class JudgedSubject:
    """What a verdict is about; `request_id` is None where nobody requested it."""

    version_uid: str
    judged_as: str
    target: Stage
    request_id: int | None = None


def attach(connection: Connection, request: Request, verdict: Verdict, at_ms: int) -> None:
    """Attach a verdict to a request, with the model locked; does nothing if it already is."""
    known = verdicts.scorecard_of(connection, request.id)
    if known is not None and same_verdict(known.document, verdict):
        return
    # Under `observe` the grant comes first and the score is recorded after it.
    observed = request.state is RequestState.GRANTED and known is None
    if request.state is not RequestState.OPEN and not observed:
        return
    about = JudgedSubject(request.version_uid, request.judged_as, request.target, request.id)
    scorecard_id = insert_scorecard(connection, verdict, about, at_ms)
    r = tables.request.c
    connection.execute(
        update(tables.request).where(r.id == request.id).values(scorecard_id=scorecard_id)
    )
    announce_verdict(connection, request, verdict, at_ms)


def note_report(connection: Connection, request: Request, run_id: str) -> None:
    """Show a report that was made after its verdict; a known report stays."""
    c = tables.scorecard.c
    noted = connection.execute(
        update(tables.scorecard)
        .where(c.request_id == request.id, c.report_run_id.is_(None))
        .values(report_run_id=run_id)
    )
    if noted.rowcount:
        show_verdict(connection, request.version_uid)


def insert_scorecard(
    connection: Connection,
    verdict: Verdict,
    about: JudgedSubject,
    at_ms: int,
) -> int:
    """Insert a verdict and return its number."""
    result = connection.execute(
        insert(tables.scorecard).values(
            request_id=about.request_id,
            version_uid=about.version_uid,
            judged_as=about.judged_as,
            target=about.target.value,
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


def same_verdict(known: Mapping[str, Any], verdict: Verdict) -> bool:
    """Return whether a stored scorecard says the same."""
    return digest(known) == digest(_scorecard_document(verdict))


def _scorecard_document(verdict: Verdict) -> dict[str, Any]:
    return {**verdict.document, "reasons": [asdict(reason) for reason in verdict.reasons]}


def announce_verdict(
    connection: Connection, request: Request, verdict: Verdict, at_ms: int
) -> None:
    """Record that a verdict arrived, and show it in MLflow."""
    events.record(
        connection,
        "scorecard.attached",
        Act(SYSTEM, at_ms, request.id),
        name=request.name,
        version=request.version,
        data=_announced(verdict),
    )
    show_verdict(connection, request.version_uid)


def record(connection: Connection, verdict: Verdict, about: JudgedSubject, act: Act) -> int:
    """Record a verdict that nobody requested, with its event, and return its number."""
    number = insert_scorecard(connection, verdict, about, act.at_ms)
    judged = version_rows.require(connection, about.version_uid)
    data = {
        "scorecard_id": number,
        "judged_as": about.judged_as,
        "target": about.target.value,
        **_announced(verdict),
    }
    events.record(
        connection, "scorecard.recorded", act, name=judged.name, version=judged.version, data=data
    )
    return number


def _announced(verdict: Verdict) -> dict[str, Any]:
    """Return everything of a verdict that a decision reads, so that a forged one can be told."""
    return {
        "score": verdict.score,
        "passed": verdict.passed,
        "enforcement": verdict.enforcement.value,
        "approvals_needed": verdict.approvals_needed,
        "manifest_digest": verdict.manifest_digest,
        "constitution_digest": verdict.constitution_digest,
        "evidence_digest": verdict.evidence_digest,
        "scorecard_digest": digest(_scorecard_document(verdict)),
        "failed_rules": [reason.rule for reason in verdict.reasons],
    }


def show_verdict(connection: Connection, version_uid: str) -> None:
    """Show in MLflow the verdict on a version itself, and the report that explains it."""
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
