"""Builds JSON of what people say about a request, and of the votes that they lend."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from infra.clock import moment, to_millis, utc_now
from registry.adapters.mirror import request_page
from registry.domain.records import Request
from registry.gate.domain.delegation import Delegation
from registry.gate.domain.votes import Ballot, Screen
from registry.gate.people import CountedBallot, people_on
from registry.views.records import request_view

if TYPE_CHECKING:
    from registry.bootstrap import Registry


def whole_request_view(registry: Registry, request: Request) -> dict[str, Any]:
    """Return a request with its seats, votes and comments."""
    people = people_on(registry.gate, request, utc_now())
    return {
        **request_view(request),
        "page": request_page(request.id),
        "expires_at": moment(people.expires_ms),
        "shown": dict(people.shown),
        "problem": people.problem,
        "seats": [
            {"role": seat.role, "by": seat.by, "could": list(seat.could)} for seat in people.seats
        ],
        "votes": [_vote(number, one) for number, one in enumerate(people.votes, start=1)],
        "comments": [
            {"actor": one.actor, "at": moment(one.at_ms), "comment": one.text}
            for one in people.comments
        ],
    }


def _vote(number: int, counted: CountedBallot) -> dict[str, Any]:
    ballot, ending = counted.ballot, counted.ending
    return {
        "number": number,
        "who": ballot.who,
        "actor": ballot.actor,
        "approved": ballot.approved,
        "comment": ballot.comment,
        "at": moment(ballot.given_ms),
        "expires_at": moment(counted.expires_ms) if ballot.approved else None,
        "ended": ending.kind.value if ending else None,
        "ended_because": ending.why if ending else None,
        "screen": asdict(ballot.screen) if ballot.screen else None,
    }


def screen_view(request: Request, ballot: Ballot, screen: Screen) -> dict[str, Any]:
    """Return what somebody was shown; facts and page as texts, whose bytes have the digests."""
    digests = screen.digests
    return {
        "request": request.id,
        "who": ballot.who,
        "approved": ballot.approved,
        "at": moment(ballot.given_ms),
        "confirmed": screen.confirmed,
        "facts_digest": digests.facts,
        "page_digest": digests.page,
        "facts": screen.facts.decode(),
        "page": screen.page.decode(),
    }


def delegation_view(lent: Delegation) -> dict[str, Any]:
    """Return a delegation, and whether it is in force now."""
    return {
        "id": lent.id,
        "lender": lent.lender.name,
        "deputy": lent.deputy,
        "role": lent.role or None,
        "names": list(lent.names),
        "created_at": moment(lent.created_ms),
        "until": moment(lent.until_ms),
        "revoked_at": moment(lent.revoked_ms),
        "in_force": lent.is_in_force(to_millis(utc_now())),
    }
