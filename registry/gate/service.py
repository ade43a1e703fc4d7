"""Opens, judges, approves and settles requests.

Opening writes the request and its event in one transaction; settling decides and applies in
one transaction by compare-and-set, so that a request ends in exactly one outcome,
even if several processes settle it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from infra.clock import to_millis
from infra.identity.settings import IdentitySettings
from infra.settings import Settings
from infra.stores.db import reading, transaction
from registry.adapters import locks
from registry.domain.records import Act, Ask, Request, Scorecard
from registry.domain.values import (
    RequestState,
    Stage,
    Verdict,
)
from registry.errors import OwnVersionError, RequestClosedError, UnknownRequestError
from registry.files.service import Files
from registry.gate.adapters import (
    ballots,
    decisions,
    permits,
    request_lists,
    request_rows,
    scorecards,
    verdicts,
)
from registry.gate.domain.decision import Pending, decide
from registry.gate.domain.votes import Ballot, own_part
from registry.governance.service import GovernedNames
from registry.versions.catalogue import Versions
from registry.versions.registration import Registration


@dataclass(frozen=True, slots=True)
class Gate:
    """Opens, judges and settles requests."""

    engine: Engine
    settings: Settings
    governance: GovernedNames
    versions: Versions
    registration: Registration
    files: Files

    def open_request(self, ask: Ask, at: datetime) -> Request:
        """Record a request and its event, or join the identical one that is open.

        Raises:
            GateClosedError: the version's files cannot be read, or are not those registered.
        """
        self.registration.refresh_lineage(ask.version.uid)
        found = self.files.prove(ask.version, "cannot be judged")
        request = self.settle(self._insert_or_join(ask, found, to_millis(at)), at)
        if request.state is RequestState.REFUSED and request.manifest_digest != found:
            # The joined request was about files that are no longer there.
            request = self.settle(self._insert_or_join(ask, found, to_millis(at)), at)
        return request

    def _insert_or_join(self, ask: Ask, manifest_digest: str, at_ms: int) -> int:
        try:
            with transaction(self.engine) as connection:
                # The identical request may be granted at this moment: its stage is read after.
                locks.lock_model(connection, ask.version.name)
                # Reading a large version's files takes seconds, in which somebody may have
                # settled the identical request: that answers this one too.
                granted = request_rows.granted_since(connection, ask, manifest_digest, at_ms)
                return granted or request_rows.insert_request(
                    connection, ask, manifest_digest, at_ms
                )
        except IntegrityError:
            with reading(self.engine) as connection:
                for request in request_lists.matching(connection, ask, RequestState.OPEN):
                    return request.id
            # It was settled in between: a new one is wanted.
            with transaction(self.engine) as connection:
                locks.lock_model(connection, ask.version.name)
                return request_rows.insert_request(connection, ask, manifest_digest, at_ms)

    def get_request(self, request_id: int) -> Request:
        """Return one request.

        Raises:
            UnknownRequestError: there is none with this number.
        """
        with reading(self.engine) as connection:
            request = request_rows.find(connection, request_id)
        if request is None:
            raise UnknownRequestError(
                f"expected a request {request_id}, found none", hint="acgs request list"
            )
        return request

    def open_requests(self) -> Sequence[Request]:
        """Return the open requests, oldest first."""
        with reading(self.engine) as connection:
            return request_lists.requests(connection, state=RequestState.OPEN)

    def requests_by_id(self, ids: Sequence[int]) -> list[Request]:
        """Return the requests with these numbers, in one query."""
        with reading(self.engine) as connection:
            return request_lists.numbered(connection, ids)

    def requests(
        self,
        name: str | None = None,
        *,
        state: RequestState | None = None,
        version_uid: str | None = None,
        after_id: int = 0,
        limit: int | None = None,
    ) -> Sequence[Request]:
        """Return requests, oldest first; a page starts after a number."""
        with reading(self.engine) as connection:
            return request_lists.requests(
                connection,
                name=name,
                state=state,
                version_uid=version_uid,
                after_id=after_id,
                limit=limit,
            )

    def attach_verdict(self, request_id: int, verdict: Verdict, at: datetime) -> None:
        """Attach a verdict to a request; repeating the call changes nothing."""
        at_ms = to_millis(at)
        name = self.get_request(request_id).name
        with transaction(self.engine) as connection:
            locks.lock_model(connection, name)
            request = request_rows.find(connection, request_id)
            if request is None:
                raise UnknownRequestError(f"expected a request {request_id}, found none")
            scorecards.attach(connection, request, verdict, at_ms)

    def note_report(self, request_id: int, run_id: str) -> None:
        """Show a report that was made after its verdict; a known report stays."""
        with transaction(self.engine) as connection:
            request = request_rows.find(connection, request_id)
            if request is not None:
                scorecards.note_report(connection, request, run_id)

    def record_verdict(
        self,
        version_uid: str,
        judged_as: str,
        target: Stage,
        verdict: Verdict,
        act: Act,
    ) -> int:
        """Record a verdict that nobody requested, and return its number."""
        with transaction(self.engine) as connection:
            about = scorecards.JudgedSubject(version_uid, judged_as, target)
            return scorecards.record(connection, verdict, about, act)

    def approve(self, request_id: int, actor: str, comment: str, at: datetime) -> Request:
        """Approve a request and settle it. Approving twice counts once.

        Raises:
            RequestClosedError: it was decided already.
            OwnVersionError: names are proven, and the actor asked for it or registered the version.
        """
        return self._vote(request_id, actor, approved=True, comment=comment, at=at)

    def reject(self, request_id: int, actor: str, comment: str, at: datetime) -> Request:
        """Reject a request, which settles it as refused."""
        return self._vote(request_id, actor, approved=False, comment=comment, at=at)

    def _vote(
        self, request_id: int, actor: str, *, approved: bool, comment: str, at: datetime
    ) -> Request:
        at_ms = to_millis(at)
        name = self.get_request(request_id).name
        with transaction(self.engine) as connection:
            locks.lock_model(connection, name)
            request = request_rows.open_request(connection, request_id)
            ballot = Ballot(actor, approved, comment, request.manifest_digest)
            voted = {b.voter: b for b in verdicts.ballots(connection, request_id)}
            before = voted.get(ballot.voter)
            if before is not None and before.approved == approved:
                return request
            if before is not None:
                raise RequestClosedError(
                    f"{actor} has voted on request {request_id} already",
                    hint="cancel the request and ask again",
                )
            if approved and not self.settings.of(IdentitySettings).is_open:
                _refuse_own(connection, request, ballot)
            ballots.insert_ballot(connection, request, ballot, at_ms)
        return self.settle(request_id, at)

    def cancel(self, request_id: int, actor: str, at: datetime) -> Request:
        """Withdraw an open request.

        Raises:
            RequestClosedError: it was decided already.
        """
        name = self.get_request(request_id).name
        with transaction(self.engine) as connection:
            locks.lock_model(connection, name)
            request = request_rows.open_request(connection, request_id)
            decisions.close(
                connection,
                request,
                RequestState.CANCELLED,
                {"reasons": [], "warnings": []},
                Act(actor, to_millis(at)),
            )
        return self.get_request(request_id)

    def settle(self, request_id: int, at: datetime) -> Request:
        """Decide an open request and carry out the decision; does nothing to a closed one.

        Safe to call from anywhere at any time: state, stage, digests and approvals are compared
        again inside the transaction that applies the decision.
        """
        request = self.get_request(request_id)
        if request.state is not RequestState.OPEN:
            return request
        governance = self.governance.current()
        with reading(self.engine) as connection:
            # Hashing is dear: first ask what would be decided if no file had changed.
            evidence = self.governance.evidence_digest(connection, request.judged_as)
            facts = decisions.facts(
                connection, request, governance, request.manifest_digest, evidence
            )
            first = decide(facts)
        if isinstance(first, Pending):
            self._note_waiting(request, first)
            return self.get_request(request_id)
        record = self.versions.version(request.version_uid)
        manifest_digest = self.files.current_manifest_digest(record)
        with transaction(self.engine) as connection:
            locks.lock_model(connection, request.name)
            current = request_rows.find(connection, request_id)
            if current is None or current.state is not RequestState.OPEN:
                return self.get_request(request_id) if current is None else current
            governance = self.governance.noted(connection, to_millis(at))
            evidence = self.governance.evidence_digest(connection, current.judged_as)
            facts = decisions.facts(connection, current, governance, manifest_digest, evidence)
            decision = decide(facts)
            if not isinstance(decision, Pending):
                decisions.apply(connection, current, decision, to_millis(at))
        return self.get_request(request_id)

    def _note_waiting(self, request: Request, pending: Pending) -> None:
        noted = {"waiting_for": pending.waiting_for, "machine": pending.machine}
        if request.decision == noted:
            return
        with transaction(self.engine) as connection:
            decisions.note_waiting(connection, request, noted)

    def verdict_on(self, uid: str) -> Scorecard | None:
        """Return the newest verdict on a version itself, not on a copy or a rename."""
        with reading(self.engine) as connection:
            return verdicts.verdict_on(connection, uid)

    def scorecards(self, uid: str) -> Sequence[Scorecard]:
        """Return every verdict on a version's files, newest first."""
        with reading(self.engine) as connection:
            return verdicts.scorecards(connection, uid)

    def has_permit(self, ask: Ask) -> bool:
        """Return whether a copy or rename was granted and not used yet."""
        with reading(self.engine) as connection:
            return permits.has(connection, ask)

    def use_permit(self, connection: Connection, ask: Ask, at_ms: int) -> bool:
        """Use up a granted copy or rename, in the transaction that carries it out."""
        return permits.use(connection, ask, at_ms)


def _refuse_own(connection: Connection, request: Request, ballot: Ballot) -> None:
    """Refuse the approval of somebody who has a part in the version."""
    author = request_rows.author(connection, request.version_uid)
    part = own_part(ballot, request.actor, author)
    if part is not None:
        raise OwnVersionError(
            f"expected somebody else's approval of request {request.id}, found that of "
            f"{ballot.actor}, who {part}",
            hint="have another person approve it: acgs access show says who may",
        )
