"""Use cases around one request: open, judge, approve, settle.

Opening writes the request and its event in one transaction; settling decides and applies in
one transaction by compare-and-set, so that a request ends in exactly one outcome whoever
settles it first, and however often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from infra.clock import to_millis
from infra.db import reading, transaction
from infra.settings import Settings
from registry.adapters import events, evidence_file, grants, mirror, queries, tables
from registry.domain.canonical import digest
from registry.domain.governance import Governance
from registry.domain.requests import Facts, Granted, Pending, Refused, decide
from registry.domain.values import (
    Enforcement,
    Reason,
    RequestKind,
    RequestState,
    Stage,
    Verdict,
)
from registry.errors import GateClosedError, RequestClosedError, UnknownRequestError
from registry.records import Request, VersionRecord
from registry.versions import Versions

_R = tables.request.c
SYSTEM = "acgs"


@dataclass(frozen=True, slots=True)
class Ask:
    """What somebody asks for.

    Attributes:
        judged_as: the name whose rules and evidence apply.
        target: stage whose bar must be cleared.
        alias: governed alias to set on a grant, or "".
        archive_existing: archive the others of a stage (Production always does).
    """

    kind: RequestKind
    version: VersionRecord
    judged_as: str
    target: Stage
    actor: str
    alias: str = ""
    archive_existing: bool = False


class Requests(Versions):
    """Opening, judging and settling requests."""

    def open_request(self, ask: Ask, at: datetime) -> Request:
        """Record a request and its event, or join the identical one that is open.

        Raises:
            GateClosedError: the version's files cannot be read, so nothing can be judged.
        """
        self.refresh_lineage(ask.version.uid)
        found = self.current_manifest_digest(ask.version)
        if ask.version.manifest_digest is None or found is None:
            raise GateClosedError(
                f"{ask.version.ref} cannot move to {ask.target}:",
                [
                    Reason(
                        "artifact.unreadable",
                        "readable artifact files",
                        ask.version.reason,
                        "restore the files, or register the model again",
                    )
                ],
            )
        request_id = self._insert_or_join(ask, found, to_millis(at))
        request = self.settle(request_id, at)
        if request.state is RequestState.REFUSED and request.manifest_digest != found:
            # The joined request was about files that are no longer there.
            request = self.settle(self._insert_or_join(ask, found, to_millis(at)), at)
        return request

    def _insert_or_join(self, ask: Ask, manifest_digest: str, at_ms: int) -> int:
        try:
            with transaction(self.engine) as connection:
                return _insert_request(connection, ask, manifest_digest, at_ms)
        except IntegrityError:
            with reading(self.engine) as connection:
                for request in queries.requests(connection, state=RequestState.OPEN):
                    if _same(request, ask):
                        return request.id
            # It was settled in between: a new one is wanted.
            with transaction(self.engine) as connection:
                return _insert_request(connection, ask, manifest_digest, at_ms)

    def get_request(self, request_id: int) -> Request:
        """Return one request.

        Raises:
            UnknownRequestError: there is none with this number.
        """
        with reading(self.engine) as connection:
            request = queries.request(connection, request_id)
        if request is None:
            raise UnknownRequestError(
                f"expected a request {request_id}, found none", hint="acgs request list"
            )
        return request

    def open_requests(self) -> Sequence[Request]:
        """Return the requests that wait for something, oldest first."""
        with reading(self.engine) as connection:
            return queries.requests(connection, state=RequestState.OPEN)

    def requests_by_id(self, ids: Sequence[int]) -> list[Request]:
        """Return the requests with these numbers, in one query."""
        with reading(self.engine) as connection:
            return [
                queries.request_record(row)
                for row in connection.execute(select(tables.request).where(_R.id.in_(ids)))
            ]

    def requests(self, name: str | None = None) -> Sequence[Request]:
        """Return requests, oldest first."""
        with reading(self.engine) as connection:
            return queries.requests(connection, name=name)

    def attach_verdict(self, request_id: int, verdict: Verdict, at: datetime) -> None:
        """Attach a verdict to a request; the same verdict twice is attached once."""
        at_ms = to_millis(at)
        with transaction(self.engine) as connection:
            request = queries.request(connection, request_id)
            if request is None:
                raise UnknownRequestError(f"expected a request {request_id}, found none")
            known = queries.scorecard_of(connection, request_id)
            if known is not None and _same_verdict(known.document, verdict):
                return
            # Under `observe` the grant comes first and the score is recorded after it.
            observed = request.state is RequestState.GRANTED and known is None
            if request.state is not RequestState.OPEN and not observed:
                return
            scorecard_id = _insert_scorecard(
                connection,
                verdict,
                at_ms,
                request_id=request_id,
                version_uid=request.version_uid,
                judged_as=request.judged_as,
                target=request.target,
            )
            connection.execute(
                update(tables.request).where(_R.id == request_id).values(scorecard_id=scorecard_id)
            )
            _announce_verdict(connection, request, verdict, at_ms)

    def record_verdict(
        self,
        version_uid: str,
        judged_as: str,
        target: Stage,
        verdict: Verdict,
        at: datetime,
    ) -> int:
        """Record a verdict that nobody requested, and return its number."""
        with transaction(self.engine) as connection:
            return _insert_scorecard(
                connection,
                verdict,
                to_millis(at),
                request_id=None,
                version_uid=version_uid,
                judged_as=judged_as,
                target=target,
            )

    def approve(self, request_id: int, actor: str, comment: str, at: datetime) -> Request:
        """Approve a request and settle it. Approving twice counts once.

        Raises:
            RequestClosedError: it was decided already.
        """
        return self._vote(request_id, actor, approved=True, comment=comment, at=at)

    def reject(self, request_id: int, actor: str, comment: str, at: datetime) -> Request:
        """Reject a request, which settles it as refused."""
        return self._vote(request_id, actor, approved=False, comment=comment, at=at)

    def _vote(
        self, request_id: int, actor: str, *, approved: bool, comment: str, at: datetime
    ) -> Request:
        at_ms = to_millis(at)
        with transaction(self.engine) as connection:
            request = _open_request(connection, request_id)
            voted = {b.actor: b for b in queries.ballots(connection, request_id)}
            if actor in voted and voted[actor].approved == approved:
                return request
            if actor in voted:
                raise RequestClosedError(
                    f"{actor} has voted on request {request_id} already",
                    hint="cancel the request and ask again",
                )
            connection.execute(
                insert(tables.approval).values(
                    request_id=request_id,
                    actor=actor,
                    approved=approved,
                    comment=comment,
                    manifest_digest=request.manifest_digest,
                    created_ms=at_ms,
                )
            )
            events.record(
                connection,
                "approval.given" if approved else "approval.rejected",
                name=request.name,
                version=request.version,
                request_id=request_id,
                actor=actor,
                at_ms=at_ms,
                data={"comment": comment, "manifest_digest": request.manifest_digest},
            )
        return self.settle(request_id, at)

    def cancel(self, request_id: int, actor: str, at: datetime) -> Request:
        """Withdraw an open request.

        Raises:
            RequestClosedError: it was decided already.
        """
        with transaction(self.engine) as connection:
            request = _open_request(connection, request_id)
            _close(
                connection,
                request,
                RequestState.CANCELLED,
                {"reasons": [], "warnings": []},
                actor=actor,
                at_ms=to_millis(at),
            )
        return self.get_request(request_id)

    def settle(self, request_id: int, at: datetime) -> Request:
        """Decide an open request and carry the decision out; does nothing to a closed one.

        Safe to call from anywhere at any time: state, stage, digests and approvals are compared
        again inside the transaction that applies the decision.
        """
        request = self.get_request(request_id)
        if request.state is not RequestState.OPEN:
            return request
        governance = self.governance()
        with reading(self.engine) as connection:
            # Hashing is dear: first ask what would be decided if no file had changed.
            facts = _facts(connection, request, governance, request.manifest_digest, self.settings)
            first = decide(facts)
        if isinstance(first, Pending):
            self._note_waiting(request, first)
            return self.get_request(request_id)
        record = self.version(request.version_uid)
        manifest_digest = self.current_manifest_digest(record)
        with transaction(self.engine) as connection:
            current = queries.request(connection, request_id)
            if current is None or current.state is not RequestState.OPEN:
                return self.get_request(request_id) if current is None else current
            facts = _facts(connection, current, governance, manifest_digest, self.settings)
            decision = decide(facts)
            if not isinstance(decision, Pending):
                _apply(connection, current, decision, to_millis(at))
        return self.get_request(request_id)

    def _note_waiting(self, request: Request, pending: Pending) -> None:
        noted = {"waiting_for": pending.waiting_for, "machine": pending.machine}
        if request.decision == noted:
            return
        with transaction(self.engine) as connection:
            connection.execute(
                update(tables.request)
                .where(_R.id == request.id, _R.state == RequestState.OPEN.value)
                .values(decision=noted)
            )
            mirror.set_tags(
                connection,
                request.name,
                request.version,
                {"acgs.request": f"{request.id}: pending, waiting for {pending.waiting_for}"},
            )

    def has_permit(self, ask: Ask) -> bool:
        """Whether a copy or rename was granted and not used yet."""
        with reading(self.engine) as connection:
            return any(
                _same(request, ask)
                and request.used_ms is None
                and request.manifest_digest == ask.version.manifest_digest
                for request in queries.requests(
                    connection, state=RequestState.GRANTED, name=ask.version.name
                )
            )

    def use_permit(self, connection: Connection, ask: Ask, at_ms: int) -> bool:
        """Consume a granted copy or rename, in the transaction that carries it out."""
        result = connection.execute(
            update(tables.request)
            .where(
                _R.version_uid == ask.version.uid,
                _R.kind == ask.kind.value,
                _R.judged_as == ask.judged_as,
                _R.state == RequestState.GRANTED.value,
                _R.manifest_digest == ask.version.manifest_digest,
                _R.used_ms.is_(None),
            )
            .values(used_ms=at_ms)
        )
        return result.rowcount > 0


def _insert_request(connection: Connection, ask: Ask, manifest_digest: str, at_ms: int) -> int:
    stage = queries.position(connection, ask.version.name, ask.version.version).stage
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


def _same(request: Request, ask: Ask) -> bool:
    return (
        request.version_uid == ask.version.uid
        and request.kind is ask.kind
        and request.judged_as == ask.judged_as
        and request.target is ask.target
        and request.alias == ask.alias
    )


def _same_verdict(known: Mapping[str, Any], verdict: Verdict) -> bool:
    return digest(known) == digest(_scorecard_document(verdict))


def _scorecard_document(verdict: Verdict) -> dict[str, Any]:
    return {**verdict.document, "reasons": [asdict(reason) for reason in verdict.reasons]}


def _insert_scorecard(
    connection: Connection,
    verdict: Verdict,
    at_ms: int,
    *,
    request_id: int | None,
    version_uid: str,
    judged_as: str,
    target: Stage,
) -> int:
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


def _announce_verdict(
    connection: Connection, request: Request, verdict: Verdict, at_ms: int
) -> None:
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
    outcome = "passed" if verdict.passed else "failed"
    mirror.set_tags(
        connection,
        request.name,
        request.version,
        {
            "acgs.score": f"{verdict.score:.3f}",
            "acgs.verdict": f"{outcome} for {request.target}",
        },
    )


def _open_request(connection: Connection, request_id: int) -> Request:
    request = queries.request(connection, request_id)
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


def _facts(
    connection: Connection,
    request: Request,
    governance: Governance,
    manifest_digest: str | None,
    settings: Settings,
) -> Facts:
    card = queries.scorecard_of(connection, request.id)
    rollout = queries.active_rollout(connection, request.name)
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
        current_stage=queries.position(connection, request.name, request.version).stage,
        scorecard=queries.judged(card) if card else None,
        ballots=queries.ballots(connection, request.id),
        served_before=request.kind is RequestKind.TRANSITION
        and queries.served_before(connection, request.version_uid, request.manifest_digest),
        rollout_in_progress=rollout is not None,
    )


def _apply(
    connection: Connection, request: Request, decision: Granted | Refused, at_ms: int
) -> None:
    match decision:
        case Refused(reasons):
            body = {"reasons": [asdict(r) for r in reasons], "warnings": []}
            _close(connection, request, RequestState.REFUSED, body, actor=SYSTEM, at_ms=at_ms)
        case Granted(warnings):
            body = {"reasons": [], "warnings": [asdict(r) for r in warnings]}
            if _close(connection, request, RequestState.GRANTED, body, actor=SYSTEM, at_ms=at_ms):
                grants.carry_out(connection, request, at_ms)


def _close(
    connection: Connection,
    request: Request,
    state: RequestState,
    decision: Mapping[str, Any],
    *,
    actor: str,
    at_ms: int,
) -> bool:
    """Close a request by compare-and-set; False when somebody else was first."""
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
    mirror.set_tags(
        connection,
        request.name,
        request.version,
        {"acgs.request": f"{request.id}: {state.value} for {request.target}"},
    )
    return True
