"""Takes what people say about an open request: approvals, rejections, comments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, Engine

from infra.clock import to_millis
from infra.identity.current import facts_of
from infra.identity.principal import Kind, name_key
from infra.stores.db import transaction
from registry.adapters import locks
from registry.domain.records import Act, Request
from registry.errors import OwnVersionError
from registry.gate.adapters import ballots, delegation_rows, participants, request_rows, screens
from registry.gate.adapters.principals import principal_of
from registry.gate.domain.decision import RequestFacts
from registry.gate.domain.delegation import Delegation
from registry.gate.domain.quorum import fits
from registry.gate.domain.tally import is_lent
from registry.gate.domain.votes import Ballot, End, Ending, Screen
from registry.gate.errors import (
    DelegationRefusedError,
    NoVerdictError,
    NoVoteError,
    ReasonMissingError,
    ShownChangedError,
    VoteRefusedError,
)
from registry.gate.facts import Facts


class Settling(Protocol):
    """Decides requests."""

    def get_request(self, request_id: int) -> Request:
        """Return one request."""
        ...

    def settle(self, request_id: int, at: datetime) -> Request:
        """Decide an open request and carry out the decision."""
        ...


@dataclass(frozen=True, slots=True)
class Manner:
    """Says how somebody approves.

    Attributes:
        lender: name of the person whose lent vote it is; empty for the voter's own.
        shown: digest of what the voter was shown; empty for what there is now.
        screen: what the voter had before them, to be kept; None keeps nothing.
    """

    lender: str = ""
    shown: str = ""
    screen: Screen | None = None


OWN = Manner()


@dataclass(frozen=True, slots=True)
class Approvals:
    """Takes votes and comments. Each is refused on a request that is decided."""

    engine: Engine
    gate: Settling
    facts: Facts

    def approve(
        self,
        request_id: int,
        actor: str,
        comment: str,
        at: datetime,
        manner: Manner = OWN,
    ) -> Request:
        """Approve a request and settle it. Approving twice counts once.

        Args:
            request_id: of an open request.
            actor: who approves.
            comment: for those who read it later.
            at: when.
            manner: for whom, and by what they looked at.

        Raises:
            RequestClosedError: it was decided already.
            NoVerdictError: there is nothing to approve yet.
            ShownChangedError: something of what was shown is another now.
            OwnVersionError: the actor, or the lender, asked for it or registered the version.
            DelegationRefusedError: nobody of that name lent the actor a vote for it.
            VoteRefusedError: the approval would not count, or fills no seat.
        """
        at_ms = to_millis(at)
        with self._locked(request_id, at_ms) as (connection, request, facts):
            if facts.scorecard is None:
                raise NoVerdictError(
                    f"expected a verdict to approve request {request_id} by, found none yet",
                    hint=f"look at it once it is there: acgs request show {request_id}",
                )
            # What is kept as shown must be what the approval holds for.
            for shown in (manner.shown, manner.screen.shown if manner.screen else ""):
                _refuse_changed(request, shown, facts.shown.digest)
            principal = principal_of(facts_of(actor))
            ballot = Ballot(actor, True, comment, facts.shown, at_ms, principal)
            if manner.lender:
                lent = _lent_by(connection, ballot, manner.lender, facts)
                ballot = replace(ballot, delegation=lent)
            tally = facts.tally
            ballots.end_all(connection, request, tally.ended, at_ms)
            if any(_is_same(ballot, other) for other in tally.standing):
                return request
            _refuse_uncounted(request, ballot, facts)
            ballot = replace(ballot, screen=screens.keep(connection, manner.screen, at_ms))
            ballots.insert_ballot(connection, request, ballot)
        return self.gate.settle(request_id, at)

    def reject(
        self,
        request_id: int,
        actor: str,
        reason: str,
        at: datetime,
        screen: Screen | None = None,
    ) -> Request:
        """Reject a request, which settles it as refused; an approval of the actor's own ends.

        Args:
            request_id: of an open request.
            actor: who rejects.
            reason: for who asked.
            at: when.
            screen: what the actor had before them, to be kept; None keeps nothing.

        Raises:
            ReasonMissingError: it says no reason.
            RequestClosedError: it was decided already.
        """
        reason = _said(reason, "a rejection", f'acgs reject {request_id} --comment "why"')
        at_ms = to_millis(at)
        with self._locked(request_id, at_ms) as (connection, request, facts):
            principal = principal_of(facts_of(actor))
            ballot = Ballot(actor, False, reason, facts.shown, at_ms, principal)
            for other in _of(ballot, facts):
                ending = Ending(End.WITHDRAWN, "rejected instead")
                ballots.end(connection, request, other, ending, Act(actor, at_ms, request_id))
            ballot = replace(ballot, screen=screens.keep(connection, screen, at_ms))
            ballots.insert_ballot(connection, request, ballot)
        return self.gate.settle(request_id, at)

    def withdraw(self, request_id: int, actor: str, at: datetime) -> Request:
        """Take back every approval that the actor gave, or that a deputy gave for the actor.

        Raises:
            RequestClosedError: it was decided already.
            NoVoteError: there is none.
        """
        at_ms = to_millis(at)
        with self._locked(request_id, at_ms) as (connection, request, facts):
            me = Ballot(actor, True, "", None, at_ms, principal_of(facts_of(actor)))
            mine = _of(me, facts)
            if not mine:
                raise NoVoteError(
                    f"expected an approval by {me.who} of request {request_id}, found none that "
                    "stands",
                    hint=f"acgs request show {request_id}",
                )
            for ballot in mine:
                ending = Ending(End.WITHDRAWN, f"by {me.who}")
                ballots.end(connection, request, ballot, ending, Act(actor, at_ms, request_id))
        return self.gate.settle(request_id, at)

    def comment(self, request_id: int, actor: str, text: str, at: datetime) -> Request:
        """Comment on an open request without a vote.

        Raises:
            ReasonMissingError: it says nothing.
            RequestClosedError: it was decided already.
        """
        text = _said(text, "a comment", f'acgs request comment {request_id} "text"')
        at_ms = to_millis(at)
        with self._locked(request_id, at_ms) as (connection, request, _facts):
            participants.comment(connection, request, Act(actor, at_ms, request_id), text)
        return request

    @contextmanager
    def _locked(
        self, request_id: int, at_ms: int
    ) -> Iterator[tuple[Connection, Request, RequestFacts]]:
        """Hold the model's lock, with the open request and its facts as that lock lets them be."""
        name, governance = self.gate.get_request(request_id).name, self.facts.governance.current()
        with transaction(self.engine) as connection:
            locks.lock_model(connection, name)
            request = request_rows.open_request(connection, request_id)
            facts = self.facts.gather(
                connection, request, governance, at_ms, request.manifest_digest
            )
            yield connection, request, facts


def _said(text: str, what: str, hint: str) -> str:
    if not text.strip():
        raise ReasonMissingError(f"expected {what} that says something, found none", hint=hint)
    return text.strip()


def _is_same(one: Ballot, other: Ballot) -> bool:
    return (one.voter, one.owner) == (other.voter, other.owner)


def _of(me: Ballot, facts: RequestFacts) -> list[Ballot]:
    """Return the approvals that a person gave, or that were given for that person."""
    return [
        ballot
        for ballot in facts.ballots
        if ballot.approved and ballot.ended is None and me.voter in {ballot.voter, ballot.owner}
    ]


def _lent_by(
    connection: Connection, ballot: Ballot, lender: str, facts: RequestFacts
) -> Delegation:
    """Return the delegation by which somebody votes for a lender."""
    is_person = ballot.principal is not None and ballot.principal.kind is Kind.PERSON
    found = [
        lent
        for lent in delegation_rows.of_deputy(connection, ballot.voter)
        if lent.lender.key == name_key(lender)
        and is_lent(lent, facts.electorate.name, facts.electorate.now_ms)
    ]
    if not found or not is_person:
        raise DelegationRefusedError(
            f"expected a vote that {lender} lent to the person {ballot.who} for "
            f"{facts.electorate.name}, found none in force",
            hint="acgs delegation list; the lender gives one: acgs delegation add",
        )
    return found[-1]


def _refuse_changed(request: Request, shown: str, now: str) -> None:
    if shown not in {"", now}:
        raise ShownChangedError(
            f"expected what you were shown, {shown}, found {now}: files, constitution, evidence, "
            "verdict or rollout plan changed since",
            hint=f"look again, then approve: acgs request show {request.id}",
        )


def _refuse_uncounted(request: Request, ballot: Ballot, facts: RequestFacts) -> None:
    electorate = facts.electorate
    if electorate.part_of(ballot) is not None:
        raise OwnVersionError(
            f"expected somebody else's approval of request {request.id}, found that of "
            f"{ballot.who}: {electorate.part_of(ballot)}",
            hint="have another person approve it: acgs access show says who may",
        )
    ending = electorate.ending(ballot, facts.shown)
    if ending is not None:
        raise VoteRefusedError(
            f"expected an approval of request {request.id} that counts, found that {ending.why}",
            hint=f"who could give it: acgs request show {request.id}",
        )
    seats = [seat.role for seat in facts.tally.seats]
    roles = electorate.roles_of(ballot)
    if seats and not any(fits(seat, roles) for seat in seats):
        held = f"approves as {', '.join(sorted(roles))}" if roles else "has no role"
        raise VoteRefusedError(
            f"expected an approval as {' or '.join(dict.fromkeys(seats))} of request "
            f"{request.id}, found that {ballot.who} {held}",
            hint=f"who could give it: acgs request show {request.id}",
        )
