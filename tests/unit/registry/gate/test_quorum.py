"""Who fills which seat, and which approvals count: pure rules, checked for any input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.identity.principal import Principal, Source
from registry.access.domain.rules import Grant, Grantee, Role, Roles
from registry.access.domain.verbs import Verb
from registry.domain.values import Stage
from registry.gate.domain.delegation import Delegation
from registry.gate.domain.quorum import assign, fits
from registry.gate.domain.tally import Electorate, Tally, count
from registry.gate.domain.votes import Ballot, End, Ending, Shown
from registry.governance.domain.approval_rules import ANY, ApprovalRules

HOUR_MS = 3_600_000
SHOWN = Shown("m1", "c1", "e1", "v1", "p1")
ROLES = ("lead", "security", "operations")
LEAD, SECURITY, OPERATIONS = ROLES


def in_force(*given: tuple[str, str], names: tuple[str, ...] = ("*",)) -> Roles:
    """Return roles that may approve, each given to somebody."""
    may = frozenset({Verb.APPROVE})
    return Roles(tuple(Grant(Role(role, may), (Grantee.read(to),), names) for role, to in given))


HELD = in_force(
    (LEAD, "person:lea"), (LEAD, "person:both"), (SECURITY, "person:both"),
    (SECURITY, "person:sam"), (OPERATIONS, "group:Ops, Läufer & Söhne"),
)  # fmt: skip


def electorate(roles: Roles | None = HELD, **more: object) -> Electorate:
    rules = ApprovalRules(((LEAD, 1), (SECURITY, 1)))
    found = Electorate(
        rules, "credit", Stage.PRODUCTION, roles, parts={}, is_open=False, now_ms=HOUR_MS
    )
    return replace(found, **more)  # type: ignore[arg-type]


def vote(name: str, *groups: str, at_ms: int = 0, shown: Shown = SHOWN, id: int = 1) -> Ballot:
    principal = Principal(name, groups=groups, source=Source.JWT)
    return Ballot(f"{name}@10.0.0.1", True, "", shown, at_ms, principal, id=id)


def lent(lender: str, deputy: str, **more: object) -> Delegation:
    principal = Principal(lender, source=Source.JWT)
    found = Delegation(1, principal, deputy, deputy, "", ("cred*",), 0, 10 * HOUR_MS)
    return replace(found, **more)  # type: ignore[arg-type]


def vote_for(lender: str, deputy: str, **more: object) -> Ballot:
    return replace(vote(deputy), delegation=lent(lender, deputy, **more))


def seats(tally: Tally) -> dict[str, str | None]:
    return {seat.role: seat.ballot.who if seat.ballot else None for seat in tally.seats}


def why(tally: Tally) -> list[str]:
    return [str(ending) for _, ending in tally.ended]


# The matching


def most(seats: Sequence[str], people: Mapping[str, AbstractSet[str]]) -> int:
    """How many seats can be filled, found by trying every order."""
    padded = [*people, *([None] * len(seats))]
    return max(
        sum(
            person is not None and fits(seat, people[person])
            for seat, person in zip(seats, order, strict=True)
        )
        for order in permutations(padded, len(seats))
    )


SEATS = st.lists(st.sampled_from((*ROLES, ANY)), min_size=1, max_size=4)
PEOPLE = st.dictionaries(st.sampled_from("abcd"), st.frozensets(st.sampled_from(ROLES)), max_size=4)


@given(SEATS, PEOPLE)
def test_as_many_seats_are_filled_as_can_be_and_nobody_takes_two(
    seats: list[str], people: dict[str, frozenset[str]]
) -> None:
    taken = assign(seats, people)
    sitting = [person for person in taken if person is not None]
    assert len(set(sitting)) == len(sitting)
    for seat, person in zip(seats, taken, strict=True):
        assert person is None or fits(seat, people[person])
    assert len(sitting) == most(seats, people)


@given(SEATS, PEOPLE)
def test_one_more_person_never_empties_a_seat(
    seats: list[str], people: dict[str, frozenset[str]]
) -> None:
    before = [person for person in assign(seats, people) if person]
    after = [person for person in assign(seats, {**people, "new": frozenset(ROLES)}) if person]
    assert len(after) >= len(before)


# A quorum of roles


def test_somebody_with_both_roles_takes_the_seat_that_nobody_else_can() -> None:
    for others in (("lea",), ("sam",)):
        ballots = [vote("both"), *(vote(name) for name in others)]
        assert not count(ballots, SHOWN, electorate()).missing


def test_one_person_in_two_roles_fills_one_seat() -> None:
    tally = count([vote("both"), vote("BOTH"), vote("\uff42oth")], SHOWN, electorate())
    assert len(tally.missing) == 1
    assert tally.waiting_for() == f"1 approval as {tally.missing[0]}"


def test_the_names_of_groups_may_hold_commas_and_any_letters() -> None:
    needed = electorate(rules=ApprovalRules(((OPERATIONS, 1),)))
    wrong = vote("ole", "Ops", "Läufer & Söhne")
    assert count([vote("ola", "OPS,  la\u0308ufer & SÖHNE")], SHOWN, needed).missing == ()
    assert why(count([wrong], SHOWN, needed)) == ["void: ole has no role that may approve it"]
    assert needed.givers(OPERATIONS) == ("group:Ops, Läufer & Söhne",)


def test_a_role_that_was_taken_away_meanwhile_no_longer_counts() -> None:
    ballots = [vote("lea"), vote("sam")]
    assert not count(ballots, SHOWN, electorate()).missing
    after = count(ballots, SHOWN, electorate(in_force((LEAD, "person:lea"))))
    assert why(after) == ["void: sam has no role that may approve it"]
    assert seats(after) == {LEAD: "lea", SECURITY: None}


def test_a_role_for_other_names_or_stages_is_none_here() -> None:
    elsewhere = in_force((LEAD, "person:lea"), names=("fraud*",))
    assert why(count([vote("lea")], SHOWN, electorate(elsewhere))) == [
        "void: lea has no role that may approve it"
    ]


def test_without_roles_in_force_nobody_fills_the_seat_of_a_role() -> None:
    open_server = electorate(None, is_open=True)
    tally = count([vote("lea"), vote("sam")], SHOWN, open_server)
    assert tally.missing == (LEAD, SECURITY)
    assert tally.waiting_for() == (
        "1 approval as lead, 1 approval as security (no roles are in force, so nobody can give it)"
    )
    assert open_server.givers(LEAD) == ()


def test_without_roles_where_names_are_proven_no_approval_counts_at_all() -> None:
    tally = count([vote("lea")], SHOWN, electorate(None, rules=ApprovalRules(((ANY, 1),))))
    assert why(tally) == ["void: no roles are in force"]


def test_a_name_that_nobody_proved_counts_where_names_are_proven_for_nothing() -> None:
    claimed = replace(vote("lea"), principal=Principal("lea"))
    unknown = replace(vote("lea"), principal=None)
    for ballot in (claimed, unknown):
        (said,) = why(count([ballot], SHOWN, electorate()))
        assert said.startswith("void: nobody proved that it was lea")


@pytest.mark.parametrize("roles", [HELD, None])
def test_who_asked_or_registered_never_counts_but_on_an_open_server_without_roles(
    roles: Roles | None,
) -> None:
    free = ApprovalRules(((ANY, 1),))
    has_part = electorate(roles, rules=free, parts={"lea": "asked for it"}, is_open=True)
    tally = count([vote("lea")], SHOWN, has_part)
    assert bool(tally.missing) is (roles is not None)


# What voids an approval


CHANGES = {
    "artifact": "files", "constitution": "constitution", "evidence": "evidence",
    "verdict": "verdict", "plan": "rollout plan",
}  # fmt: skip


@pytest.mark.parametrize(("key", "said"), CHANGES.items())
def test_an_approval_is_void_when_what_was_shown_changes(key: str, said: str) -> None:
    values: list[Any] = ["other", None]
    for now in (replace(SHOWN, **{key: value}) for value in values):
        tally = count([vote("lea"), vote("sam", shown=now)], now, electorate())
        assert why(tally) == [f"void: the {said} changed since"]
        assert tally.waiting_for() == (
            f"1 approval as lead; lea again (void: the {said} changed since)"
        )
        assert seats(tally)[SECURITY] == "sam"


texts = st.sampled_from(["x", "y"])
shown = st.builds(Shown, texts, texts, texts, st.none() | texts, st.none() | texts)


@given(shown, shown)
def test_an_approval_counts_exactly_for_what_was_shown(before: Shown, now: Shown) -> None:
    tally = count([vote("lea", shown=before)], now, electorate())
    assert bool(tally.standing) is (before == now)
    assert (before.digest == now.digest) is (before == now)


def test_a_vote_that_ended_stays_ended_whatever_comes_back() -> None:
    ended = replace(vote("lea"), ended=Ending(End.VOID, "the rollout plan changed since"))
    tally = count([ended], SHOWN, electorate())
    assert not tally.standing
    assert not tally.ended
    assert "lea again" in tally.waiting_for()
    assert "again" not in count([ended, vote("lea", id=2)], SHOWN, electorate()).waiting_for()


def test_a_sentence_names_a_few_of_many_who_are_asked_again() -> None:
    old = [vote(f"p{n}", shown=replace(SHOWN, verdict="v0"), id=n) for n in range(30)]
    said = count(old, SHOWN, electorate()).waiting_for()
    assert said.count("the verdict changed") == 3
    assert said.endswith("; 27 more again")


def test_nobody_is_asked_again_who_took_the_approval_back() -> None:
    withdrawn = replace(vote("lea"), ended=Ending(End.WITHDRAWN, "by lea"))
    assert "again" not in count([withdrawn], SHOWN, electorate()).waiting_for()


def test_an_approval_whose_digests_nobody_kept_is_void() -> None:
    old = replace(vote("lea"), shown=None)
    assert why(count([old], SHOWN, electorate())) == ["void: what was shown is not known"]


# Expiry


@given(hours=st.floats(0.001, 1000), given_ms=st.integers(0, 10**12), later=st.floats(0, 2))
def test_an_approval_counts_until_its_time_is_over_and_no_longer(
    hours: float, given_ms: int, later: float
) -> None:
    rules = ApprovalRules(((LEAD, 1),), approval_expires_after_hours=hours)
    end_ms = rules.approval_ends_ms(given_ms)
    assert end_ms is not None
    now_ms = given_ms + round((end_ms - given_ms) * later)
    tally = count([vote("lea", at_ms=given_ms)], SHOWN, electorate(rules=rules, now_ms=now_ms))
    assert bool(tally.missing) is (now_ms >= end_ms)
    assert [ending.kind for _, ending in tally.ended] == [End.EXPIRED] * (now_ms >= end_ms)


# Delegation


def test_a_lent_vote_fills_the_seat_of_the_lenders_role_and_shows_both() -> None:
    tally = count([vote_for("lea", "dan"), vote("sam")], SHOWN, electorate())
    assert seats(tally) == {LEAD: "dan for lea", SECURITY: "sam"}


PAIRS = st.sampled_from(["lea", "sam", "both", "dan"])


@given(st.lists(st.tuples(PAIRS, PAIRS), max_size=6))
def test_people_and_their_deputies_count_once_together(pairs: list[tuple[str, str]]) -> None:
    ballots = [vote(voter) if voter == owner else vote_for(owner, voter) for voter, owner in pairs]
    rules = ApprovalRules(((ANY, 6),))
    everybody = in_force(*((LEAD, f"person:{name}") for name in ("lea", "sam", "both", "dan")))
    tally = count(ballots, SHOWN, electorate(everybody, rules=rules))
    sitting = [seat.ballot for seat in tally.seats if seat.ballot]
    for one in sitting:
        others = [other for other in sitting if other is not one]
        assert not {one.voter, one.owner} & {k for o in others for k in (o.voter, o.owner)}
    heads = {name for pair in pairs for name in pair}
    assert len(sitting) <= len(heads)


def test_a_lent_role_lends_no_other() -> None:
    only_lead = vote_for("both", "dan", role=LEAD)
    for role, missing in ((LEAD, ()), (SECURITY, (SECURITY,))):
        needed = electorate(rules=ApprovalRules(((role, 1),)))
        assert count([only_lead], SHOWN, needed).missing == missing


def test_a_borrowed_vote_is_not_lent_on() -> None:
    # lea lends to dan; what dan lends to eve is dan's own, which is nothing.
    tally = count([vote_for("dan", "eve")], SHOWN, electorate())
    assert why(tally) == ["void: dan has no role that may approve it"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"revoked_ms": 1}, "lea took the delegation back"),
        ({"until_ms": 0}, "lea lent no vote for it"),
        ({"created_ms": 1}, "lea lent no vote for it"),
        ({"names": ("fraud*",)}, "lea lent no vote for it"),
        ({"deputy_key": "eve"}, "lea lent no vote for it"),
    ],
)
def test_a_vote_by_a_delegation_that_does_not_hold_is_void(
    more: dict[str, object], said: str
) -> None:
    assert why(count([vote_for("lea", "dan", **more)], SHOWN, electorate())) == [f"void: {said}"]


def test_a_vote_that_was_given_in_time_outlives_the_delegations_end() -> None:
    ballot = vote_for("lea", "dan", until_ms=1)
    assert not count([ballot], SHOWN, electorate(now_ms=5 * HOUR_MS)).ended


@pytest.mark.parametrize("who", ["lea", "dan"])
def test_neither_lender_nor_deputy_may_have_a_part_in_the_version(who: str) -> None:
    has_part = electorate(parts={who: "registered it"})
    tally = count([vote_for("lea", "dan")], SHOWN, has_part)
    assert why(tally) == [f"void: {who} registered it"]
