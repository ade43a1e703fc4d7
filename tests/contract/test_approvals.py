"""Approvals on a real store: seats, what voids them, time, lent votes, and two at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.domain.records import Request
from registry.domain.values import RequestState
from registry.errors import OwnVersionError, RequestClosedError
from registry.gate.errors import (
    DelegationRefusedError,
    NoVerdictError,
    NoVoteError,
    ReasonMissingError,
    ShownChangedError,
    VoteRefusedError,
)
from registry.governance.adapters.governance_file import ConstitutionError
from tests.support.stores import Databases, Kind
from tests.support.voters import (
    ASKER,
    AUTHOR,
    LEAD_AND_SECURITY,
    NAME,
    Voters,
    as_person,
    caller,
    roles,
    voters,
)

BOTH: dict[str, Any] = {"approvals": {"lead": 1, "security": 1}}


@pytest.fixture
def site(kind: Kind, databases: Databases, tmp_path: Path) -> Iterator[Voters]:
    asked: dict[str, Any] = {
        **BOTH,
        "approval_expires_after_hours": 48,
        "request_expires_after_hours": 96,
    }
    with voters(tmp_path, databases.new(kind), adopted=LEAD_AND_SECURITY, **asked) as opened:
        yield opened


def reject(site: Voters, request: Request, who: str, reason: str) -> Request:
    actor = caller(who).actor
    return as_person(
        who, lambda: site.registry.approvals.reject(request.id, actor, reason, site.now)
    )


def withdraw(site: Voters, request: Request, who: str) -> Request:
    actor = caller(who).actor
    return as_person(who, lambda: site.registry.approvals.withdraw(request.id, actor, site.now))


def comment(site: Voters, request: Request, who: str, text: str) -> Request:
    actor = caller(who).actor
    return as_person(
        who, lambda: site.registry.approvals.comment(request.id, actor, text, site.now)
    )


def together(*acts: Callable[[], object]) -> list[Exception]:
    """Do things at the same moment; return what they raised."""
    raised: list[Exception] = []
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        start.wait(30)
        try:
            act()
        except Exception as err:
            raised.append(err)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return raised


# Seats


def test_a_version_moves_when_each_role_has_approved(site: Voters) -> None:
    request = site.judged()
    assert request.decision["waiting_for"] == "1 approval as lead, 1 approval as security"
    with pytest.raises(VoteRefusedError, match="eve has no role that may approve it"):
        site.approve(request, "eve")
    assert site.approve(request, "both").state is RequestState.OPEN
    assert site.approve(request, "both").state is RequestState.OPEN
    (missing,) = [seat for seat in site.people(request).seats if seat.by is None]
    assert (missing.role, missing.could) == ("security", ("group:security",))
    granted = site.approve(request, "sam")
    assert granted.state is RequestState.GRANTED
    assert site.seats(request) == [("lead", "both"), ("security", "sam")]
    assert [seat["by"] for seat in granted.decision["approvals"]] == ["both", "sam"]
    assert site.events().count("approval.given") == 2


def test_a_role_that_fills_no_seat_is_told_which_are_needed(site: Voters) -> None:
    site.adopt(roles(lead="leads", security="security", business="sales"))
    request = site.judged()
    with pytest.raises(VoteRefusedError, match=r"as lead or security .* approves as business"):
        site.approve(request, "bea", groups=("sales",))
    assert "approval.given" not in site.events()


def test_who_joined_the_same_request_counts_as_an_asker(site: Voters) -> None:
    request = site.judged()
    site.approve(request, "lou")
    for _ in range(2):
        assert site.ask(request.version, "lea").id == request.id
    assert site.events().count("transition_request.joined") == 1
    for name, part in (("lea", "asked for it"), (ASKER, "asked for it"), (AUTHOR, "registered it")):
        with pytest.raises(OwnVersionError, match=f"{name} {part}"):
            site.approve(request, name)
    # An approval of somebody who joins later counts no more.
    site.ask(request.version, "lou")
    waiting = site.settle(request).decision["waiting_for"]
    assert "1 approval as lead" in waiting
    assert "lou again (void: lou asked for it)" in waiting


def test_a_role_taken_away_meanwhile_ends_the_vote(site: Voters) -> None:
    request = site.judged()
    site.approve(request, "lea")
    site.adopt(roles(lead="other leads", security="security"))
    assert site.approve(request, "sam").state is RequestState.OPEN
    assert site.seats(request) == [("lead", None), ("security", "sam")]
    assert "lea again (void: lea has no role" in site.settle(request).decision["waiting_for"]
    assert site.events().count("approval.voided") == 1


def test_a_number_of_approvals_asks_for_no_role_but_for_the_right(
    kind: Kind, databases: Databases, tmp_path: Path
) -> None:
    url = databases.new(kind)
    with voters(tmp_path, url, adopted=LEAD_AND_SECURITY, approvals=2) as site:
        request = site.judged()
        assert request.decision["waiting_for"] == "2 approvals"
        site.approve(request, "lea")
        assert site.approve(request, "lou").state is RequestState.GRANTED


def test_a_quorum_of_roles_without_roles_in_force_is_met_by_nobody(
    databases: Databases, tmp_path: Path
) -> None:
    url = databases.new(Kind.SQLITE)
    with voters(tmp_path, url, identity="open", **BOTH) as site:
        request = site.judged()
        assert "no roles are in force, so nobody can give it" in request.decision["waiting_for"]
        with pytest.raises(VoteRefusedError, match=r"as lead or security .* has no role"):
            site.approve(request, "lea")
        site.adopt(LEAD_AND_SECURITY)
        site.approve(request, "lea")
        assert site.approve(request, "sam").state is RequestState.GRANTED


# What was shown


def test_an_approval_needs_a_verdict_and_holds_for_what_was_shown(site: Voters) -> None:
    request = site.ask(site.register())
    with pytest.raises(NoVerdictError):
        site.approve(request, "lea")
    request = site.judge(request)
    shown = site.people(request).shown["digest"]
    assert shown is not None
    site.approve(request, "lea", shown=shown)
    site.judge(request, points=0.96)
    assert (
        "lea again (void: the verdict changed since)"
        in (site.settle(request).decision["waiting_for"])
    )
    with pytest.raises(ShownChangedError, match="changed since"):
        site.approve(request, "lea", shown=shown)
    site.approve(request, "lea")
    assert site.approve(request, "sam").state is RequestState.GRANTED
    counted = [(one.ballot.who, one.ending is None) for one in site.people(request).votes]
    assert counted == [("lea", False), ("lea", True), ("sam", True)]


def test_another_rollout_plan_voids_what_was_approved(site: Voters) -> None:
    site.plan({"steps": [10]})
    request = site.judged()
    site.approve(request, "lea")
    site.plan({"steps": [100]})
    assert site.approve(request, "sam").state is RequestState.OPEN
    (vote, _) = site.people(request).votes
    assert str(vote.ending) == "void: the rollout plan changed since"
    # What came back is not what was voided.
    site.plan({"steps": [10]})
    assert "lea again" in site.settle(request).decision["waiting_for"]
    assert "sam again" in site.settle(request).decision["waiting_for"]


def test_another_constitution_or_other_files_void_the_vote_and_refuse_the_request(
    site: Voters,
) -> None:
    asked_under_the_old = site.judged()
    site.approve(asked_under_the_old, "lea")
    site.adopt_constitution(approvals={"lead": 2})
    changed = site.settle(asked_under_the_old)
    assert [reason["rule"] for reason in changed.decision["reasons"]] == [
        "verdict.older_constitution"
    ]
    (vote,) = site.people(changed).votes
    assert str(vote.ending) == "void: the constitution changed since"

    request = site.judged()
    site.approve(request, "lea")
    (site.root / "models" / "2" / "MLmodel").write_text("flavors: {other: {}}\n")
    changed = site.approve(request, "lou")
    assert [reason["rule"] for reason in changed.decision["reasons"]] == ["artifact.changed"]
    assert [str(vote.ending) for vote in site.people(changed).votes] == [
        "void: the files changed since"
    ] * 2


def test_a_request_can_be_read_while_no_valid_constitution_is_in_force(site: Voters) -> None:
    request = site.judged()
    site.approve(request, "lea")
    (site.root / "constitution" / "constitution.lock.json").write_text("{}")
    people = site.people(request)
    assert people.problem is not None
    assert "expected constitutional_hash" in people.problem
    assert not people.seats
    assert [vote.ballot.who for vote in people.votes] == ["lea"]
    with pytest.raises(ConstitutionError):
        site.approve(request, "sam")
    assert site.events().count("approval.given") == 1


# Time


def test_an_approval_expires_after_a_reminder(site: Voters) -> None:
    request = site.judged()
    site.approve(request, "lea")
    site.pass_hours(23.9)
    site.settle(request)
    assert "approval.expires_soon" not in site.events()
    for _ in range(3):
        site.pass_hours(1)
        site.settle(request)
    assert site.events().count("approval.expires_soon") == 1
    site.pass_hours(22)
    assert site.approve(request, "sam").state is RequestState.OPEN
    assert "lea again (expired: 48 hours after" in site.settle(request).decision["waiting_for"]
    assert site.events().count("approval.expired") == 1
    assert site.approve(request, "lea").state is RequestState.GRANTED


def test_an_open_request_expires_after_a_reminder(site: Voters) -> None:
    request = site.judged()
    site.pass_hours(71.9)
    site.settle(request)
    assert "transition_request.expires_soon" not in site.events()
    for _ in range(3):
        site.pass_hours(1)
        site.settle(request)
    assert site.events().count("transition_request.expires_soon") == 1
    site.pass_hours(22)
    refused = site.settle(request)
    assert refused.state is RequestState.REFUSED
    assert [reason["rule"] for reason in refused.decision["reasons"]] == ["request.expired"]
    with pytest.raises(RequestClosedError, match="found it refused"):
        site.approve(request, "lea")


# Taking back, saying no, saying something


def test_an_approval_can_be_taken_back_and_given_again(site: Voters) -> None:
    request = site.judged()
    with pytest.raises(NoVoteError, match="an approval by lea"):
        withdraw(site, request, "lea")
    site.approve(request, "lea")
    withdraw(site, request, "lea")
    assert site.approve(request, "sam").state is RequestState.OPEN
    assert "again" not in site.settle(request).decision["waiting_for"]
    assert site.approve(request, "lea").state is RequestState.GRANTED
    with pytest.raises(RequestClosedError):
        withdraw(site, request, "lea")


def test_a_rejection_says_why_and_ends_the_rejecters_own_approval(site: Voters) -> None:
    request = site.judged()
    site.approve(request, "lea")
    for nothing in ("", "  \n"):
        with pytest.raises(ReasonMissingError, match="expected a rejection that says something"):
            reject(site, request, "lea", nothing)
    refused = reject(site, request, "lea", "the holdout is stale")
    assert refused.state is RequestState.REFUSED
    assert "the holdout is stale" in refused.decision["reasons"][0]["found"]
    votes = [(one.ballot.approved, one.ending is None) for one in site.people(request).votes]
    assert votes == [(True, False), (False, True)]


def test_a_comment_is_kept_and_is_no_vote(site: Voters) -> None:
    request = site.judged()
    with pytest.raises(ReasonMissingError):
        comment(site, request, ASKER, " ")
    comment(site, request, ASKER, "größer, aber genauer, siehe T-7")
    (said,) = site.people(request).comments
    assert (said.actor, said.text) == (caller(ASKER).actor, "größer, aber genauer, siehe T-7")
    assert site.seats(request) == [("lead", None), ("security", None)]
    reject(site, request, "lea", "no")
    with pytest.raises(RequestClosedError):
        comment(site, request, ASKER, "why?")


# Lent votes


def test_a_deputy_votes_in_the_lenders_role_and_both_count_once(site: Voters) -> None:
    request = site.judged()
    with pytest.raises(DelegationRefusedError, match="that lea lent to the person dan"):
        site.approve(request, "dan", "lea")
    site.lend("lea", "Dan")
    assert site.approve(request, "dan", "LEA").state is RequestState.OPEN
    assert site.seats(request) == [("lead", "dan for lea"), ("security", None)]
    site.approve(request, "lea")
    assert site.seats(request)[1] == ("security", None)
    assert site.approve(request, "sam").state is RequestState.GRANTED
    given = [event for event in site.registry.audit.events() if event.type == "approval.given"]
    assert [event.data.get("for") for event in given] == ["lea", None, None]


def test_a_lent_vote_ends_by_its_date_or_when_it_is_taken_back(site: Voters) -> None:
    request = site.judged()
    number = site.lend("lea", "dan", hours=2)
    site.approve(request, "dan", "lea")
    with pytest.raises(DelegationRefusedError, match="that dan lent, found none"):
        site.registry.delegations.revoke(caller("dan"), number, site.now)
    site.registry.delegations.revoke(caller("lea"), number, site.now)
    assert (
        "dan for lea again (void: lea took the delegation back)"
        in (site.settle(request).decision["waiting_for"])
    )
    site.lend("lea", "dan", hours=2)
    site.pass_hours(2)
    with pytest.raises(DelegationRefusedError, match="found none in force"):
        site.approve(request, "dan", "lea")
    assert site.events().count("delegation.revoked") == 1


def test_nothing_is_lent_by_who_has_nothing_or_to_who_has_a_part(site: Voters) -> None:
    request = site.judged()
    for who, role in (("dan", ""), ("lea", "security")):
        with pytest.raises(DelegationRefusedError, match="to lend, found that"):
            site.lend(who, "eve", role=role)
    site.lend("lea", "dan")
    with pytest.raises(DelegationRefusedError, match="to lend, found that dan has none"):
        site.lend("dan", "eve")
    site.lend("lea", ASKER)
    with pytest.raises(OwnVersionError, match="ben asked for it"):
        site.approve(request, ASKER, "lea")
    site.lend(AUTHOR, "dan")
    with pytest.raises(OwnVersionError, match="ann registered it"):
        site.approve(request, "dan", AUTHOR)


def test_the_lender_takes_back_what_a_deputy_gave(site: Voters) -> None:
    request = site.judged()
    site.lend("lea", "dan")
    site.approve(request, "dan", "lea")
    withdraw(site, request, "lea")
    assert site.seats(request)[0] == ("lead", None)


# Two at once


def test_two_votes_at_once_grant_once_and_fill_two_seats(site: Voters) -> None:
    request = site.judged()
    assert not together(lambda: site.approve(request, "lea"), lambda: site.approve(request, "sam"))
    assert site.settle(request).state is RequestState.GRANTED
    assert site.seats(request) == [("lead", "lea"), ("security", "sam")]
    assert site.events().count("transition_request.granted") == 1


def test_one_person_voting_many_times_at_once_leaves_one_vote(site: Voters) -> None:
    request = site.judged()
    assert not together(*[lambda: site.approve(request, "both")] * 6)
    assert site.events().count("approval.given") == 1
    assert len(site.people(request).votes) == 1


def test_an_approval_and_its_withdrawal_against_the_last_vote_end_in_one_outcome(
    site: Voters,
) -> None:
    request = site.judged()
    site.approve(request, "lea")
    raised = together(lambda: withdraw(site, request, "lea"), lambda: site.approve(request, "sam"))
    state = site.settle(request).state
    if raised:
        # The grant was first, so there was nothing to take back.
        assert [type(err) for err in raised] == [RequestClosedError]
        assert state is RequestState.GRANTED
    else:
        assert state is RequestState.OPEN
        assert site.seats(request) == [("lead", None), ("security", "sam")]


def test_a_role_taken_away_while_people_vote_never_grants_by_halves(site: Voters) -> None:
    request = site.judged()
    site.approve(request, "lea")
    raised = together(
        lambda: site.adopt(roles(lead="nobody", security="security")),
        lambda: site.approve(request, "sam"),
    )
    assert not raised
    state = site.settle(request).state
    granted = site.events().count("transition_request.granted")
    moved = site.events().count("model_version.transitioned_stage")
    assert granted == moved == (state is RequestState.GRANTED)
    if state is RequestState.OPEN:
        assert site.seats(request)[0] == ("lead", None)


def test_many_who_ask_at_once_make_one_request_and_are_all_askers(site: Voters) -> None:
    number = site.register()
    people = [ASKER, "lea", "lou", "both"]
    assert not together(*[lambda who=who: site.ask(number, who) for who in people])
    (request,) = site.registry.gate.open_requests()
    request = site.judge(request)
    for who in people:
        with pytest.raises(OwnVersionError, match="asked for it"):
            site.approve(request, who)
    assert site.registry.versions.find_version(NAME, str(number)).version == number
