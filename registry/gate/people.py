"""Describes where a request stands with people: seats, votes, comments, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from infra.clock import to_millis
from infra.stores.db import reading
from registry.domain.records import Request
from registry.domain.values import RequestState
from registry.gate.adapters import ballots, participants
from registry.gate.domain.decision import RequestFacts
from registry.gate.domain.votes import Ballot, Ending
from registry.gate.service import Gate
from registry.governance.adapters.governance_file import ConstitutionError


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody said of a request without a vote."""

    actor: str
    at_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class CountedBallot:
    """A vote, with why it counts no more (None while it counts) and when it will expire."""

    ballot: Ballot
    ending: Ending | None
    expires_ms: int | None


@dataclass(frozen=True, slots=True)
class NeededSeat:
    """An approval that is needed: its role, who gave it (None while it is missing), who could."""

    role: str
    by: str | None
    could: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PeopleOn:
    """Where a request stands with people.

    Attributes:
        shown: digests of what there is to approve, with `digest` over all; empty once decided.
        expires_ms: when the request expires; None if it does not, or is decided.
        problem: why seats of an open request cannot be told; None where they can.
    """

    seats: tuple[NeededSeat, ...]
    votes: tuple[CountedBallot, ...]
    comments: tuple[Comment, ...]
    shown: Mapping[str, str | None] = field(hash=False)
    expires_ms: int | None
    problem: str | None = None


def people_on(gate: Gate, request: Request, at: datetime) -> PeopleOn:
    """Return where a request stands with people at a moment."""
    governance, problem = None, None
    if request.state is RequestState.OPEN:
        try:
            governance = gate.governance.current()
        except ConstitutionError as err:
            # Nothing is decided meanwhile; what was said can be read all the same.
            problem = err.message
    with reading(gate.engine) as connection:
        said = [
            Comment(row["actor"], row["at_ms"], row["data"].get("comment", ""))
            for row in participants.comments(connection, request.id)
        ]
        if governance is None:
            votes = ballots.ballots(connection, request.id)
            return replace(_as_stored(request, votes, said), problem=problem)
        facts = gate.facts.gather(
            connection, request, governance, to_millis(at), request.manifest_digest
        )
    return _open(facts, said)


def _as_stored(request: Request, votes: Sequence[Ballot], said: Sequence[Comment]) -> PeopleOn:
    seats = [
        NeededSeat(seat["role"], seat["by"], ()) for seat in request.decision.get("approvals", ())
    ]
    counted = [CountedBallot(ballot, ballot.ended, None) for ballot in votes]
    return PeopleOn(tuple(seats), tuple(counted), tuple(said), {}, None)


def _open(facts: RequestFacts, said: Sequence[Comment]) -> PeopleOn:
    tally, electorate = facts.tally, facts.electorate
    endings = {id(ballot): ending for ballot, ending in tally.ended}
    votes = [
        CountedBallot(
            ballot,
            ballot.ended or endings.get(id(ballot)),
            electorate.rules.approval_ends_ms(ballot.given_ms),
        )
        for ballot in facts.ballots
    ]
    seats = [
        NeededSeat(
            seat.role,
            seat.ballot.who if seat.ballot else None,
            () if seat.ballot else electorate.givers(seat.role),
        )
        for seat in tally.seats
    ]
    shown = facts.shown
    digests: dict[str, Any] = {
        "digest": shown.digest,
        "artifact": shown.artifact,
        "constitution": shown.constitution,
        "evidence": shown.evidence,
        "verdict": shown.verdict,
        "plan": shown.plan,
    }
    return PeopleOn(tuple(seats), tuple(votes), tuple(said), digests, facts.ends_ms)
