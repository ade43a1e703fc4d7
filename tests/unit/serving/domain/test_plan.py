from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.domain.plan import PlanError, RolloutPlan, Strategy

plans = st.builds(
    lambda weights, hold, alpha, least: RolloutPlan.parse(
        {
            "steps": [{"weight_percent": w, "hold_seconds": hold} for w in [*sorted(weights), 100]],
            "checks": {"alpha": alpha, "min_requests": least},
        }
    ),
    st.sets(st.integers(1, 99), max_size=6),
    st.floats(0, 500),
    st.floats(0.001, 0.5),
    st.integers(1, 10_000),
)


@given(plans)
def test_a_plan_written_and_read_is_the_same_plan(plan: RolloutPlan) -> None:
    assert RolloutPlan.parse(plan.document()) == plan


def steps(*weights: object) -> dict[str, Any]:
    return {"steps": [{"weight_percent": w} for w in weights]}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (steps(10, 50), "a last weight of 100, found [10, 50]"),
        (steps(50, 50, 100), "strictly increasing weights"),
        (steps(50, 10, 100), "strictly increasing weights"),
        (steps(0, 100), "weights in 1..100, found [0, 100]"),
        (steps(10, 120), "weights in 1..100"),
        (steps("10", 100), "a whole number, found '10'"),
        (steps(True, 100), "a whole number, found True"),
        (steps(), "at least one step"),
        ({"steps": 10}, "a list, found 10"),
        ({"steps": [10]}, "steps[1]: expected a mapping, found 10"),
        ({"steps": [{"weight": 10}]}, "steps[1]: expected only the keys"),
        ({"stepz": []}, "found 'stepz'"),
        ({"strategy": "linear"}, "one of canary, blue_green, immediate, found 'linear'"),
        ({"checks": {"alpha": 0}}, "checks.alpha: expected in (0, 0.5], found 0"),
        ({"checks": {"max_latency_ratio": 0.5}}, ">= 1"),
        ({"checks": {"max_error_rate_increase": 1}}, "in (0, 1)"),
        ({"checks": {"min_requests": 0}}, ">= 1"),
        ({"checks": {"nan": 1}}, "found 'nan'"),
        ({"deadline_seconds": float("nan")}, "a number"),
        ({"deadline_seconds": 5}, "more than the longest hold (20 s)"),
        ({"replicas": 0}, "in 1..16"),
        ({"bake_seconds": 5}, "only with blue_green"),
        ({"strategy": "blue_green", **steps(10, 100)}, "one step of 100"),
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused_with_what_was_expected(
    document: dict[str, Any], said: str
) -> None:
    with pytest.raises(PlanError) as refused:
        RolloutPlan.parse(document)
    assert said in refused.value.message
    assert refused.value.hint


def test_blue_green_is_one_step_that_is_baked() -> None:
    plan = RolloutPlan.parse({"strategy": "blue_green", "bake_seconds": 30})
    assert plan.strategy is Strategy.BLUE_GREEN
    assert [(s.weight_percent, s.hold_seconds) for s in plan.steps] == [(100, 30.0)]
