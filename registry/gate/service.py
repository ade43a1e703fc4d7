"""Opens, judges and settles requests.

Opening writes the request and its event in one transaction; settling decides and applies in
one transaction by compare-and-set, so that a request ends in exactly one outcome,
even if several processes settle it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from infra.clock import to_millis
from infra.settings import Settings
from infra.stores.db import reading, transaction
from registry.adapters import locks
from registry.domain.records import Act, Ask, Request, Scorecard
from registry.domain.values import (
    RequestState,
    Stage,
    Verdict,
)
from registry.errors import UnknownRequestError
from registry.files.service import Files
from registry.gate.adapters import (
    ballots,
    decisions,
    participants,
    permits,
    request_lists,
    request_rows,
    scorecards,
    verdicts,
)
from registry.gate.domain.decision import Pending, RequestFacts, decide
from registry.gate.domain.tally import Seat
from registry.gate.facts import Facts
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
    facts: Facts

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
            with transaction(self.engine) as connection:
                locks.lock_model(connection, ask.version.name)
                for request in request_lists.matching(connection, ask, RequestState.OPEN):
                    participants.join(connection, request, ask.actor, at_ms)
                    return request.id
                # It was settled in between: a new one is wanted.
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
        governance, at_ms = self.governance.current(), to_millis(at)
        with reading(self.engine) as connection:
            # Hashing is dear: first ask what would be decided if no file had changed.
            facts = self.facts.gather(
                connection, request, governance, at_ms, request.manifest_digest
            )
        first = decide(facts)
        if isinstance(first, Pending):
            if _is_news(request, first, facts):
                self._note(request_id, at_ms)
            return self.get_request(request_id)
        record = self.versions.version(request.version_uid)
        manifest_digest = self.files.current_manifest_digest(record)
        with transaction(self.engine) as connection:
            locks.lock_model(connection, request.name)
            current = request_rows.find(connection, request_id)
            if current is None or current.state is not RequestState.OPEN:
                return self.get_request(request_id) if current is None else current
            governance = self.governance.noted(connection, at_ms)
            facts = self.facts.gather(connection, current, governance, at_ms, manifest_digest)
            decision = decide(facts)
            if not isinstance(decision, Pending):
                ballots.end_all(connection, current, facts.tally.ended, at_ms)
                decisions.apply(connection, current, decision, at_ms, _seats(facts.tally.seats))
        return self.get_request(request_id)

    def _note(self, request_id: int, at_ms: int) -> None:
        """Record what an open request waits for, which approvals ended, and what expires soon."""
        name, governance = self.get_request(request_id).name, self.governance.current()
        with transaction(self.engine) as connection:
            # Votes take the same lock, so none is looked at with facts older than itself.
            locks.lock_model(connection, name)
            request = request_rows.find(connection, request_id)
            if request is None or request.state is not RequestState.OPEN:
                return
            facts = self.facts.gather(
                connection, request, governance, at_ms, request.manifest_digest
            )
            pending = decide(facts)
            if not isinstance(pending, Pending):
                return
            ballots.end_all(connection, request, facts.tally.ended, at_ms)
            for ballot, ends_ms in facts.expiring():
                ballots.remind(connection, request, ballot, ends_ms, at_ms)
            if facts.ends_ms is not None and facts.is_reminder_due():
                participants.remind(connection, request, facts.ends_ms, pending.waiting_for, at_ms)
            if request.decision != _noted(pending):
                decisions.note_waiting(connection, request, _noted(pending))

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


def _noted(pending: Pending) -> dict[str, Any]:
    return {"waiting_for": pending.waiting_for, "machine": pending.machine}


def _is_news(request: Request, pending: Pending, facts: RequestFacts) -> bool:
    is_reminder_due = facts.is_reminder_due() and request.reminded_ms is None
    return (
        request.decision != _noted(pending)
        or bool(facts.tally.ended)
        or bool(facts.expiring())
        or is_reminder_due
    )


def _seats(seats: Sequence[Seat]) -> list[dict[str, Any]]:
    return [
        {"role": seat.role, "by": seat.ballot.who, "approval": seat.ballot.id}
        for seat in seats
        if seat.ballot is not None
    ]
