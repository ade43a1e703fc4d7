"""Whether a request may be granted."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.identity.principal import Principal
from registry.domain.reasons import Reason
from registry.domain.values import Enforcement, RequestKind, Stage
from registry.gate.domain.decision import (
    Granted,
    Pending,
    Refused,
    RequestFacts,
    decide,
)
from registry.gate.domain.judged import JudgedScorecard
from registry.gate.domain.tally import Electorate
from registry.gate.domain.votes import Ballot, Shown
from registry.governance.domain.approval_rules import ApprovalRules

ACCURACY = Reason("performance.accuracy", ">= 0.80", "0.71", "train a better model")
PASSED = JudgedScorecard(
    score=0.98,
    passed=True,
    enforcement=Enforcement.ENFORCE,
    approvals_needed=0,
    manifest_digest="m1",
    constitution_digest="c1",
    evidence_digest="e1",
    reasons=(),
    digest="v1",
)
ANYBODY = Electorate(
    ApprovalRules(), "credit", Stage.PRODUCTION, None, parts={}, is_open=True, now_ms=0
)
FAILED = replace(PASSED, passed=False, score=0.5, reasons=(ACCURACY,))
READY = RequestFacts(
    kind=RequestKind.TRANSITION,
    target=Stage.PRODUCTION,
    request_manifest_digest="m1",
    manifest_digest="m1",
    constitution_digest="c1",
    evidence_digest="e1",
    enforcement=Enforcement.ENFORCE,
    from_stage=Stage.NONE,
    current_stage=Stage.NONE,
    scorecard=PASSED,
    ballots=(),
    electorate=ANYBODY,
    created_ms=0,
)


def vote(actor: str, manifest: str = "m1", *, approved: bool = True, comment: str = "") -> Ballot:
    return Ballot(actor, approved, comment, Shown(manifest, "c1", "e1", "v1"), 0)


def rules(facts: RequestFacts) -> set[str]:
    decision = decide(facts)
    assert isinstance(decision, Refused)
    return {reason.rule for reason in decision.reasons}


def test_a_passing_verdict_on_the_same_files_is_granted() -> None:
    assert decide(READY) == Granted()


def test_nothing_is_granted_without_a_verdict() -> None:
    assert decide(replace(READY, scorecard=None)) == Pending("the compliance score", machine=True)


def test_a_failed_verdict_is_refused_with_every_failed_rule() -> None:
    assert decide(replace(READY, scorecard=FAILED)) == Refused((ACCURACY,))


def test_promotion_is_refused_when_the_verdict_is_older_than_the_constitution() -> None:
    assert rules(replace(READY, constitution_digest="c2")) == {"verdict.older_constitution"}


def test_promotion_is_refused_when_the_files_changed_since_the_request() -> None:
    assert rules(replace(READY, manifest_digest="m2")) == {"artifact.changed"}


def test_promotion_is_refused_when_the_files_cannot_be_read() -> None:
    assert rules(replace(READY, manifest_digest=None)) == {"artifact.unreadable"}


def test_promotion_is_refused_when_the_evidence_changed_since_the_verdict() -> None:
    assert rules(replace(READY, evidence_digest="e2")) == {"verdict.other_evidence"}


def test_promotion_is_refused_when_the_version_moved_since_the_request() -> None:
    assert rules(replace(READY, current_stage=Stage.ARCHIVED)) == {"stage.changed"}
    assert rules(replace(READY, current_stage=None)) == {"version.gone"}


def test_promotion_waits_for_each_missing_approval() -> None:
    needed = replace(READY, scorecard=replace(PASSED, approvals_needed=2))
    one = replace(needed, ballots=(vote("ann"),))
    two = replace(needed, ballots=(*one.ballots, vote("bob")))
    assert decide(needed) == Pending("2 approvals", machine=False)
    assert decide(one) == Pending("1 approval", machine=False)
    assert decide(two) == Granted()


def test_one_person_cannot_approve_twice() -> None:
    ann = vote("ann")
    facts = replace(READY, scorecard=replace(PASSED, approvals_needed=2), ballots=(ann, ann))
    assert decide(facts) == Pending("1 approval", machine=False)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (vote("ann@cli"), vote("Ann@cli")),
        (vote("ann@cli"), vote("ann@127.0.0.1")),
        (vote("ann@cli"), vote("\uff41nn@cli")),
        (vote("ann@x.org@cli"), vote("ANN@x.org@::1")),
        (vote("ann"), replace(vote("renamed@cli"), principal=Principal("ann"))),
    ],
)
def test_one_person_counts_once_however_and_wherever_the_name_is_written(
    first: Ballot, second: Ballot
) -> None:
    facts = replace(READY, scorecard=replace(PASSED, approvals_needed=2), ballots=(first, second))
    assert decide(facts) == Pending("1 approval", machine=False)


def test_an_approval_of_other_files_does_not_count() -> None:
    facts = replace(
        READY,
        scorecard=replace(PASSED, approvals_needed=1),
        ballots=(vote("ann", "m0"),),
    )
    said = "1 approval; ann again (void: the files changed since)"
    assert decide(facts) == Pending(said, machine=False)


def test_a_rejection_refuses_and_names_who_rejected() -> None:
    facts = replace(READY, ballots=(vote("ann", approved=False, comment="not on a Friday"),))
    decision = decide(facts)
    assert isinstance(decision, Refused)
    assert "ann" in decision.reasons[0].found
    assert "not on a Friday" in decision.reasons[0].found


HOUR_MS = 3_600_000
DAY_AND_WEEK = ApprovalRules((("any", 1),), 24, 7 * 24)


def at_hours(hours: float, rules: ApprovalRules = DAY_AND_WEEK) -> RequestFacts:
    return replace(READY, electorate=replace(ANYBODY, rules=rules, now_ms=round(hours * HOUR_MS)))


@given(st.floats(0, 400))
def test_an_open_request_expires_at_its_time_even_with_every_approval(hours: float) -> None:
    facts = at_hours(hours, replace(DAY_AND_WEEK, approval_expires_after_hours=None))
    facts = replace(facts, ballots=(vote("ann"),))
    if facts.electorate.now_ms < 7 * 24 * HOUR_MS:
        assert decide(facts) == Granted()
    else:
        assert rules(facts) == {"request.expired"}


@given(st.floats(0, 400))
def test_reminders_come_between_half_of_the_time_and_its_end(hours: float) -> None:
    facts = replace(at_hours(hours), ballots=(vote("ann"),))
    now_ms = facts.electorate.now_ms
    assert facts.is_reminder_due() is (now_ms >= 6 * 24 * HOUR_MS)
    assert bool(facts.expiring()) is (12 * HOUR_MS <= now_ms < 24 * HOUR_MS)
    assert not replace(facts, ballots=(replace(vote("ann"), reminded=True),)).expiring()


def test_without_a_time_nothing_expires_and_nobody_is_reminded() -> None:
    facts = replace(at_hours(10**6, ApprovalRules((("any", 1),))), ballots=(vote("ann"),))
    assert decide(facts) == Granted()
    assert not facts.is_reminder_due()
    assert not facts.expiring()


def test_a_verdict_that_asks_for_nobody_is_held_to_the_quorum_all_the_same() -> None:
    facts = replace(at_hours(1), scorecard=FAILED, enforcement=Enforcement.WARN)
    assert decide(facts) == Pending("1 approval", machine=False)


def test_warn_lets_a_failed_verdict_through_with_its_reasons() -> None:
    facts = replace(READY, scorecard=FAILED, enforcement=Enforcement.WARN)
    assert decide(facts) == Granted(warnings=(ACCURACY,))


def test_observe_waits_for_nothing() -> None:
    assert decide(replace(READY, scorecard=None, enforcement=Enforcement.OBSERVE)) == Granted()


def test_a_version_that_served_before_needs_no_new_verdict() -> None:
    assert decide(replace(READY, scorecard=None, served_before=True)) == Granted()


def test_a_version_that_served_before_with_other_files_is_refused() -> None:
    facts = replace(READY, scorecard=None, served_before=True, manifest_digest="m2")
    assert rules(facts) == {"artifact.changed"}


def test_production_is_refused_while_another_rollout_is_under_way() -> None:
    assert rules(replace(READY, rollout_in_progress=True)) == {"rollout.in_progress"}


digests = st.sampled_from(["x1", "x2"])


@given(
    manifest=st.one_of(st.none(), digests),
    asked=digests,
    judged=digests,
    constitution=digests,
    judged_constitution=digests,
    passed=st.booleans(),
    needed=st.integers(0, 2),
    approvals=st.integers(0, 2),
    has_card=st.booleans(),
    enforcement=st.sampled_from([Enforcement.ENFORCE, Enforcement.WARN]),
)
def test_a_grant_always_rests_on_matching_digests_and_enough_approvals(
    manifest: str | None,
    asked: str,
    judged: str,
    constitution: str,
    judged_constitution: str,
    passed: bool,
    needed: int,
    approvals: int,
    has_card: bool,
    enforcement: Enforcement,
) -> None:
    card = replace(
        PASSED,
        manifest_digest=judged,
        constitution_digest=judged_constitution,
        passed=passed,
        approvals_needed=needed,
        reasons=() if passed else (ACCURACY,),
    )
    facts = replace(
        READY,
        request_manifest_digest=asked,
        manifest_digest=manifest,
        constitution_digest=constitution,
        scorecard=card if has_card else None,
        enforcement=enforcement,
        ballots=tuple(vote(f"p{n}", asked) for n in range(approvals)),
    )
    if isinstance(decide(facts), Granted):
        assert has_card
        assert manifest == asked == judged
        assert constitution == judged_constitution
        assert approvals >= needed
        assert passed or enforcement is Enforcement.WARN


@pytest.mark.parametrize("kind", list(RequestKind))
def test_a_failed_verdict_opens_no_detour_either(kind: RequestKind) -> None:
    assert decide(replace(READY, kind=kind, scorecard=FAILED)) == Refused((ACCURACY,))
