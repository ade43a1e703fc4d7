from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.domain.reasons import Reason
from serving.domain.decide import (
    Action,
    Decision,
    Observation,
    Pause,
    Promote,
    RollBack,
    SetWeights,
    Smoke,
    Wait,
    decide,
    judgements,
)
from serving.domain.plan import RolloutPlan
from serving.domain.state import FINAL, Counters, Order, Phase, RolloutState
from tests.unit.serving.domain.test_plan import plans

START = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = RolloutPlan.parse(
    {
        "steps": [
            {"weight_percent": 10, "hold_seconds": 5},
            {"weight_percent": 100, "hold_seconds": 5},
        ],
        "checks": {"max_error_rate_increase": 0.05, "min_requests": 50},
        "deadline_seconds": 60,
    }
)
BLUE_GREEN = RolloutPlan.parse(
    {"strategy": "blue_green", "bake_seconds": 5, "checks": {"min_requests": 50}}
)


def counters(requests: int, failures: int = 0, slow: int = 0, epoch: str = "e") -> Counters:
    fast = requests - slow
    return Counters(
        epoch, requests, failures, requests, ((10.0, fast), (20.0, fast), (1e4, requests))
    )


class World:
    """A gateway that does what it is told, and traffic that fails as it is told."""

    def __init__(self, plan: RolloutPlan, *, has_stable: bool = True) -> None:
        self.plan, self.now = plan, START
        self.state = RolloutState()
        self.seen = Observation(
            has_stable=has_stable, ready=True, weight_percent=0,
            candidate=counters(0), stable=counters(500) if has_stable else None,
        )  # fmt: skip
        self.history: list[Action] = []

    def traffic(self, candidate: int, stable: int, failures: int = 0, slow: int = 0) -> None:
        c, s = self.seen.candidate, self.seen.stable
        assert c is not None
        assert s is not None
        before_slow = c.timed - (c.buckets[0][1] if c.buckets else 0)
        self.seen = replace(
            self.seen,
            candidate=counters(
                c.requests + candidate, c.failures + failures, before_slow + slow, c.epoch
            ),
            stable=counters(s.requests + stable, s.failures, 0, s.epoch),
        )

    def tick(self, seconds: float = 1.0) -> tuple[Action, ...]:
        self.now += timedelta(seconds=seconds)
        decision = decide(self.plan, self.state, self.seen, self.now)
        self.state, actions = decision.state, decision.actions
        for action in actions:
            if isinstance(action, SetWeights):
                self.seen = replace(self.seen, weight_percent=action.candidate_percent)
        self.history += actions
        # Every state survives being written and read.
        document = json.loads(json.dumps(self.state.document()))
        assert RolloutState.read(document) == self.state
        return actions

    def run(self, ticks: int, failures: int = 0, slow: int = 0) -> None:
        for _ in range(ticks):
            self.tick()
            if self.state.phase in FINAL or isinstance(self.history[-1], (Promote, RollBack)):
                return
            weight = self.seen.weight_percent or 0
            n = max(1, 3 * weight) if weight else 0
            self.traffic(n, 300 - n, min(n, failures), min(n, slow))


def test_the_first_version_goes_straight_to_all_traffic_once_it_is_ready() -> None:
    world = World(PLAN, has_stable=False)
    world.seen = replace(world.seen, ready=False)
    assert isinstance(world.tick()[0], Wait)
    world.seen = replace(world.seen, ready=True)
    assert world.tick() == (SetWeights(100),)
    assert world.tick() == (Promote(),)


def test_a_good_canary_is_promoted_through_every_weight() -> None:
    world = World(PLAN)
    world.run(40)
    assert [a for a in world.history if isinstance(a, SetWeights)] == [
        SetWeights(10),
        SetWeights(100),
    ]
    assert world.history[-1] == Promote()


def test_a_canary_that_fails_requests_is_rolled_back_with_numbers() -> None:
    world = World(PLAN)
    world.run(40, failures=15)
    assert world.history[-2] == SetWeights(0)
    last = world.history[-1]
    assert isinstance(last, RollBack)
    assert last.reasons[0].rule == "rollout.error_rate"
    assert "e-value" in last.reasons[0].found


def test_a_slow_canary_is_rolled_back() -> None:
    world = World(PLAN)
    world.run(40, slow=300)
    last = world.history[-1]
    assert isinstance(last, RollBack)
    assert last.reasons[0].rule == "rollout.slow_share"


def test_a_canary_without_traffic_is_inconclusive_and_pauses() -> None:
    world = World(PLAN)
    for _ in range(70):
        world.tick()
    assert world.state.phase is Phase.PAUSED
    assert any(isinstance(a, Pause) for a in world.history)
    assert "0 of 50 requests" in world.state.paused_because
    assert not any(isinstance(a, Promote) for a in world.history)
    assert world.seen.weight_percent == 10


def test_a_paused_canary_that_turns_out_worse_is_still_rolled_back() -> None:
    world = World(PLAN)
    world.run(3)
    world.state = replace(world.state, order=Order.PAUSE)
    world.tick()
    assert world.state.phase is Phase.PAUSED
    world.run(10, failures=30)
    assert isinstance(world.history[-1], RollBack)


def test_resuming_starts_the_clock_of_the_step_again() -> None:
    world = World(PLAN)
    world.run(2)
    world.state = replace(world.state, order=Order.PAUSE)
    world.tick(100)
    assert world.state.phase is Phase.PAUSED
    world.state = replace(world.state, order=Order.RESUME)
    world.tick()
    assert world.state.phase is Phase.PROGRESSING
    assert world.state.step_since == world.now
    assert world.state.paused_because == ""


def test_a_person_may_promote_without_evidence_and_abort_at_any_time() -> None:
    for order, end in ((Order.PROMOTE, Promote), (Order.ABORT, RollBack)):
        world = World(PLAN)
        world.tick()
        world.tick()
        world.state = replace(world.state, order=order)
        world.tick()
        world.tick()
        assert isinstance(world.history[-1], end)


def test_a_rollback_is_final_only_once_the_gateway_says_that_the_weight_is_zero() -> None:
    world = World(PLAN)
    world.tick()
    world.state = replace(world.state, order=Order.ABORT)
    world.seen = replace(world.seen, weight_percent=10)
    first = decide(PLAN, world.state, world.seen, world.now)
    assert first.actions == (SetWeights(0),)
    unknown = decide(PLAN, first.state, replace(world.seen, weight_percent=None), world.now)
    assert unknown.actions == (SetWeights(0),)
    at_zero = decide(PLAN, first.state, replace(world.seen, weight_percent=0), world.now)
    assert isinstance(at_zero.actions[0], RollBack)


def test_blue_green_smokes_before_the_switch() -> None:
    world = World(BLUE_GREEN)
    assert world.tick() == (Smoke(),)
    world.seen = replace(world.seen, smoke="status 500")
    world.tick()
    world.tick()
    last = world.history[-1]
    assert isinstance(last, RollBack)
    assert last.reasons[0].rule == "rollout.smoke_prediction"
    assert SetWeights(100) not in world.history


def test_blue_green_switches_at_once_and_goes_back_at_once() -> None:
    for failures, end in ((0, Promote), (30, RollBack)):
        world = World(BLUE_GREEN)
        world.seen = replace(world.seen, smoke="")
        world.run(60, failures=failures)
        assert next(a for a in world.history if isinstance(a, SetWeights)) == SetWeights(100)
        assert isinstance(world.history[-1], end), world.history[-3:]


def test_a_candidate_that_never_gets_ready_is_rolled_back_with_its_log() -> None:
    world = World(PLAN)
    world.seen = replace(world.seen, ready=False, detail="ImportError: no module")
    for _ in range(70):
        world.tick()
    last = world.history[-1]
    assert isinstance(last, RollBack)
    assert "ImportError" in last.reasons[0].found


@pytest.mark.parametrize("after_ticks", [0, 3, 7])
def test_a_candidate_that_must_not_be_used_any_more_is_taken_back_at_the_next_look(
    after_ticks: int,
) -> None:
    damaged = Reason("artifact.quarantined", "the registered files", "quarantined", "repair them")
    world = World(PLAN)
    world.run(after_ticks)
    world.seen = replace(world.seen, unusable=(damaged,))
    world.tick()
    world.tick()
    assert world.history[-1] == RollBack((damaged,))
    assert Promote() not in world.history
    assert world.seen.weight_percent == 0


def test_a_way_back_to_a_version_that_served_before_needs_no_new_evidence() -> None:
    world = World(PLAN)
    world.state = RolloutState.read({"rollback_reason": "it is worse", "rollback_actor": "ann"})
    world.tick()
    world.tick()
    assert world.history == [SetWeights(100), Promote()]


def test_a_gateway_that_starts_again_counts_from_zero_without_harm() -> None:
    world = World(PLAN)
    world.run(3)
    world.seen = replace(
        world.seen, candidate=counters(5, epoch="next"), stable=counters(45, epoch="next")
    )
    before = world.state.step_requests
    world.tick()
    assert world.state.step_requests == before + 5


@given(st.sampled_from(sorted(FINAL)), st.booleans(), st.integers(0, 100))
def test_final_phases_absorb(phase: Phase, ready: bool, weight: int) -> None:
    state = RolloutState(phase=phase, phase_since=START, order=Order.PROMOTE)
    seen = Observation(has_stable=True, ready=ready, weight_percent=weight)
    assert decide(PLAN, state, seen, START) == Decision(state, (), ())


observations = st.builds(
    Observation,
    has_stable=st.just(True),
    ready=st.booleans(),
    failed=st.sampled_from([None, None, None, "it died"]),
    unusable=st.sampled_from([(), (), (), (Reason("artifact.freed", "files", "none", "ask"),)]),
    weight_percent=st.one_of(st.none(), st.integers(0, 100)),
    candidate=st.one_of(st.none(), st.builds(counters, st.integers(0, 3000))),
    stable=st.one_of(st.none(), st.builds(counters, st.integers(0, 3000))),
    smoke=st.sampled_from([None, ""]),
)
orders = st.sampled_from([None] * 6 + [Order.PAUSE, Order.RESUME, Order.ABORT])


@settings(max_examples=60, deadline=None)
@given(plans, st.lists(st.tuples(observations, orders, st.floats(0, 50)), max_size=25))
def test_whatever_is_seen_weights_are_the_plans_and_promotion_needs_evidence(
    plan: RolloutPlan, life: list[tuple[Observation, Order | None, float]]
) -> None:
    state, now = RolloutState(), START
    allowed = {0, *(step.weight_percent for step in plan.steps)}
    for seen, order, seconds in life:
        now += timedelta(seconds=seconds)
        before = replace(state, order=order or state.order)
        decision = decide(plan, before, seen, now)
        state, actions = decision.state, decision.actions
        assert decision.judgements == judgements(plan, state)
        for action in actions:
            if isinstance(action, SetWeights):
                assert action.candidate_percent in allowed
        if state.phase is Phase.PROMOTING:
            assert state.evidence
            assert all(j.within for j in judgements(plan, state))
            return
        if any(isinstance(a, RollBack) for a in actions):
            assert seen.weight_percent == 0
            assert state.reasons
            assert all(isinstance(r, Reason) for r in state.reasons)
            return
