"""Nothing that is needed is ever freed, in whatever state the registry is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.artifacts.domain.retention import DAY_MS, FolderClaim, RetentionFacts, decide

NOW_MS = 1_000 * DAY_MS
DAYS = 90
places = st.one_of(
    st.none(),
    st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map(lambda p: "proxy:" + "/".join(p)),
)
states = st.lists(
    st.builds(
        RetentionFacts,
        uid=st.uuids().map(str),
        ref=st.text("xyz", min_size=3, max_size=3),
        place=places,
        needed_ms=st.integers(0, NOW_MS + DAY_MS),
        governed=st.sampled_from([True, True, True, False]),
        serves=st.sampled_from([False, False, False, True]),
        rollback_target=st.sampled_from([False, False, False, True]),
        stage=st.sampled_from(["", "", "", "Staging", "Production"]),
        aliases=st.sampled_from([(), (), (), ("candidate",)]),
        legal_hold=st.sampled_from(["", "", "", "case 7"]),
        open_requests=st.sampled_from([(), (), (), (4,)]),
        active_rollouts=st.sampled_from([(), (), (), (2,)]),
    ),
    max_size=8,
    unique_by=lambda facts: facts.uid,
)


def needed(facts: RetentionFacts) -> bool:
    """What the rule must protect, said once more in other words."""
    used = facts.serves or facts.rollback_target or facts.open_requests or facts.active_rollouts
    placed = facts.stage or facts.aliases or facts.legal_hold or not facts.governed
    return bool(used or placed) or NOW_MS - facts.needed_ms < DAYS * DAY_MS or facts.place is None


def overlap(one: RetentionFacts, other: RetentionFacts) -> bool:
    if one.place is None or other.place is None:
        return False
    a, b = one.place.split("/"), other.place.split("/")
    return a[: len(b)] == b or b[: len(a)] == a


@given(states)
def test_no_protected_version_is_freed_nor_one_whose_files_it_shares(
    state: list[RetentionFacts],
) -> None:
    decisions = {d.uid: d for d in decide(state, NOW_MS, DAYS)}
    assert set(decisions) == {facts.uid for facts in state}
    assert all(decision.reasons for decision in decisions.values())
    kept = [facts for facts in state if needed(facts)]
    for _ in state:
        # What is kept for another's sake keeps others in its turn.
        kept = [f for f in state if f in kept or any(overlap(f, other) for other in kept)]
    assert {uid for uid, d in decisions.items() if not d.free} == {f.uid for f in kept}


@given(states)
def test_what_is_freed_one_after_the_other_is_what_is_freed_at_once(
    state: list[RetentionFacts],
) -> None:
    free = {d.uid for d in decide(state, NOW_MS, DAYS) if d.free}
    left = list(state)
    for uid in sorted(free):
        assert uid in {d.uid for d in decide(left, NOW_MS, DAYS) if d.free}
        left = [facts for facts in left if facts.uid != uid]
    assert not any(d.free for d in decide(left, NOW_MS, DAYS))


OLD = RetentionFacts("u", "fraud 1.0.0", "proxy:1/m", NOW_MS - 91 * DAY_MS)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (replace(OLD, serves=True), "it serves"),
        (replace(OLD, rollback_target=True), "a rollback would return to it"),
        (replace(OLD, stage="Staging"), "it is in Staging"),
        (replace(OLD, aliases=("a", "b")), "it is named a, b"),
        (replace(OLD, legal_hold="case 7"), "legal hold: case 7"),
        (replace(OLD, open_requests=(4,)), "request 4 is open"),
        (replace(OLD, active_rollouts=(2,)), "rollout 2 is under way"),
        (replace(OLD, place=None), "where its files lie is not known"),
        (replace(OLD, reachable=False), "the platform cannot delete files where its own lie"),
        (replace(OLD, governed=False), "nothing governs its name"),
        (replace(OLD, needed_ms=NOW_MS - 89 * DAY_MS), "it was needed 89 days ago"),
    ],
)
def test_each_protection_is_named(facts: RetentionFacts, why: str) -> None:
    (decision,) = decide([facts], NOW_MS, DAYS)
    assert (decision.free, decision.reasons) == (False, (why,))


@pytest.mark.parametrize("place", ["proxy:1/m", "proxy:1", "proxy:1/m/data"])
def test_a_folder_that_is_claimed_is_kept(place: str) -> None:
    (decision,) = decide([OLD], NOW_MS, DAYS, [FolderClaim("plain version 1", place)])
    assert decision.reasons == ("its files lie with those of plain version 1, which are kept",)


def test_what_may_go_comes_with_its_proof() -> None:
    (decision,) = decide([OLD], NOW_MS, DAYS)
    assert decision.free
    assert decision.reasons[0] == "not needed for 91 days, more than 90"
    assert len(decision.reasons) == 4
