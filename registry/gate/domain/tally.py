"""Counts approvals: which of them stand, who fills which seat, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from infra.identity.principal import Principal
from registry.access.domain.rules import Roles
from registry.access.domain.verbs import Verb
from registry.domain.values import Enforcement, Stage
from registry.gate.domain.delegation import Delegation
from registry.gate.domain.quorum import assign, fits, groups
from registry.gate.domain.votes import Ballot, End, Ending, Shown
from registry.governance.domain.approval_rules import ANY, ApprovalRules
from registry.governance.domain.governance import Pattern

_SHOWN_AGAIN = 3
"""People named in one sentence, which MLflow shows as a tag of limited length."""


@dataclass(frozen=True, slots=True)
class Electorate:
    """Says who may approve a request now.

    Attributes:
        rules: what the stage asks of people.
        name: whose roles apply.
        target: stage that is asked for.
        roles: in force; None for none.
        parts: key of each person whose approval never counts, with what they did for the version.
        is_open: names are claims.
        now_ms: the moment.
    """

    rules: ApprovalRules
    name: str
    target: Stage
    roles: Roles | None
    parts: Mapping[str, str] = field(hash=False)
    is_open: bool
    now_ms: int

    def roles_of(self, ballot: Ballot) -> AbstractSet[str]:
        """Return the roles in which a vote may be given; empty where no roles are in force."""
        if self.roles is None:
            return frozenset()
        lent = ballot.delegation
        holder = lent.lender if lent else ballot.principal or _named(ballot.actor)
        held = self.roles.roles_of(holder, Verb.APPROVE, self.name, self.target)
        return frozenset(role for role in held if lent is None or lent.role in {"", role})

    def ending(self, ballot: Ballot, now: Shown) -> Ending | None:
        """Return why an approval does not count any more; None while it counts."""
        change = ballot.shown.change_to(now) if ballot.shown else "what was shown is not known"
        if change is not None:
            return Ending(End.VOID, change)
        ends_ms = self.rules.approval_ends_ms(ballot.given_ms)
        if ends_ms is not None and self.now_ms >= ends_ms:
            hours = self.rules.approval_expires_after_hours
            return Ending(End.EXPIRED, f"{hours:g} hours after it was given")
        why = self._not_entitled(ballot)
        return None if why is None else Ending(End.VOID, why)

    def _not_entitled(self, ballot: Ballot) -> str | None:
        lender = ballot.delegation.lender if ballot.delegation else ballot.principal
        if not self.is_open and not (_is_proven(ballot.principal) and _is_proven(lender)):
            return f"nobody proved that it was {ballot.who}"
        part = self.part_of(ballot)
        if part is not None:
            return part
        if ballot.delegation is not None:
            why = _not_lent(ballot, ballot.delegation, self.name)
            if why is not None:
                return why
        if self.roles is None:
            return None if self.is_open and not ballot.delegation else "no roles are in force"
        if not self.roles_of(ballot):
            whose = ballot.delegation.lender.name if ballot.delegation else ballot.who
            return f"{whose} has no role that may approve it"
        return None

    def part_of(self, ballot: Ballot) -> str | None:
        """Return what voter or lender did for the version, if that keeps the vote from counting.

        On an open server without roles one person may do everything.
        """
        if self.is_open and self.roles is None:
            return None
        if ballot.voter in self.parts:
            return f"{ballot.who.partition(' for ')[0]} {self.parts[ballot.voter]}"
        if ballot.delegation and ballot.owner in self.parts:
            return f"{ballot.delegation.lender.name} {self.parts[ballot.owner]}"
        return None

    def givers(self, seat: str) -> tuple[str, ...]:
        """Return who could fill a seat, as the document of roles writes them."""
        if self.roles is None:
            return ("everybody",) if self.is_open and seat == ANY else ()
        return tuple(
            dict.fromkeys(
                grantee.text
                for grant in self.roles.grants
                if grant.covers(Verb.APPROVE, self.name, self.target)
                and fits(seat, {grant.role.id})
                for grantee in grant.to
            )
        )


@dataclass(frozen=True, slots=True)
class Seat:
    """One approval that is needed: the role that it asks for, and the vote that fills it."""

    role: str
    ballot: Ballot | None


@dataclass(frozen=True, slots=True)
class Tally:
    """The approvals of a request, counted.

    Attributes:
        seats: every approval that is needed.
        standing: approvals that count, whether or not they fill a seat.
        ended: approvals that were thought to stand and count no more, with the reason.
        again: who approved once and has no approval that counts, with the reason.
        has_roles: whether roles are in force.
    """

    seats: tuple[Seat, ...]
    standing: tuple[Ballot, ...]
    ended: tuple[tuple[Ballot, Ending], ...]
    again: tuple[tuple[Ballot, Ending], ...]
    has_roles: bool

    @property
    def missing(self) -> tuple[str, ...]:
        """The role of each seat that is empty."""
        return tuple(seat.role for seat in self.seats if seat.ballot is None)

    def waiting_for(self) -> str:
        """Say what is missing, in words."""
        counts = Counter(self.missing)
        parts = [
            f"{n} approval{'s' if n > 1 else ''}{'' if role == ANY else f' as {role}'}"
            for role, n in counts.items()
        ]
        said = ", ".join(parts)
        if not self.has_roles and any(role != ANY for role in counts):
            said += " (no roles are in force, so nobody can give it)"
        for ballot, ending in self.again[:_SHOWN_AGAIN]:
            said += f"; {ballot.who} again ({ending})"
        more = len(self.again) - _SHOWN_AGAIN
        return f"{said}; {more} more again" if more > 0 else said


def count(
    ballots: Sequence[Ballot], shown: Shown, electorate: Electorate, at_least: int = 0
) -> Tally:
    """Count the approvals of a request.

    A person fills one seat, whatever roles they hold; so do a person and their deputy together.

    Args:
        ballots: every vote on it, oldest first, with those that ended.
        shown: what there is to be approved now.
        electorate: who may approve it.
        at_least: how many approvals the verdict asks for.
    """
    open_ones = [ballot for ballot in ballots if ballot.approved and ballot.ended is None]
    endings = [(ballot, electorate.ending(ballot, shown)) for ballot in open_ones]
    standing = tuple(ballot for ballot, ending in endings if ending is None)
    ended = tuple((ballot, ending) for ballot, ending in endings if ending is not None)
    return Tally(
        seats=_seated(standing, electorate, at_least),
        standing=standing,
        ended=ended,
        again=_again(ballots, ended, standing),
        has_roles=electorate.roles is not None,
    )


def _seated(standing: Sequence[Ballot], electorate: Electorate, at_least: int) -> tuple[Seat, ...]:
    seats = electorate.rules.seats(at_least)
    one_of = groups((ballot.voter, ballot.owner) for ballot in standing)
    votes: dict[str, list[Ballot]] = {}
    for ballot in standing:
        votes.setdefault(one_of[ballot.voter], []).append(ballot)
    roles = {
        person: frozenset(role for ballot in given for role in electorate.roles_of(ballot))
        for person, given in votes.items()
    }

    def by(seat: str, person: str | None) -> Ballot | None:
        given = votes[person] if person is not None else []
        return next((one for one in given if fits(seat, electorate.roles_of(one))), None)

    taken = assign(seats, roles)
    return tuple(Seat(seat, by(seat, person)) for seat, person in zip(seats, taken, strict=True))


def _again(
    ballots: Sequence[Ballot],
    ended: Sequence[tuple[Ballot, Ending]],
    standing: Sequence[Ballot],
) -> tuple[tuple[Ballot, Ending], ...]:
    """Return the last approval of each person whose approval ended without their doing."""
    before = [(ballot, ballot.ended) for ballot in ballots if ballot.approved and ballot.ended]
    last = {(ballot.voter, ballot.owner): (ballot, why) for ballot, why in [*before, *ended]}
    counted = {(ballot.voter, ballot.owner) for ballot in standing}
    return tuple(
        (ballot, why)
        for key, (ballot, why) in last.items()
        if key not in counted and why.kind is not End.WITHDRAWN
    )


def is_lent(delegation: Delegation, name: str, at_ms: int) -> bool:
    """Return whether a delegation is in force for a model of this name at a moment."""
    return delegation.is_in_force(at_ms) and any(
        Pattern(one, Enforcement.ENFORCE).matches(name) for one in delegation.names
    )


def _not_lent(ballot: Ballot, delegation: Delegation, name: str) -> str | None:
    lender = delegation.lender.name
    if delegation.revoked_ms is not None:
        return f"{lender} took the delegation back"
    is_deputy = ballot.voter == delegation.deputy_key
    if not is_deputy or not is_lent(delegation, name, ballot.given_ms):
        return f"{lender} lent no vote for it"
    return None


def _is_proven(principal: Principal | None) -> bool:
    return principal is not None and principal.source.is_proven


def _named(actor: str) -> Principal:
    name, _, _where = actor.rpartition("@")
    return Principal(name or actor)
