from __future__ import annotations

import statistics

import numpy as np
import pytest

from serving.domain.analysis import (
    Judgement,
    Metric,
    MetricName,
    begin,
    judge,
    learn,
    metrics,
)
from serving.domain.eprocess import Tally
from serving.domain.plan import Checks, RolloutPlan

PLAN = RolloutPlan.canary([10, 50, 100], 20.0)


def error_metric(**checks: float) -> Metric:
    return next(m for m in metrics(Checks(**checks)) if m.name is MetricName.ERRORS)  # type: ignore[arg-type]


def batch(random: np.random.Generator, mean: float, rate: float) -> Tally:
    total = int(random.poisson(mean))
    return Tally(total, int(random.binomial(total, rate)))


def until_rolled_back(
    metric: Metric, seed: int, *, stable: float, candidate: float, batches: int, each: float = 120
) -> int | None:
    """Look after every batch; return the number of the batch that proved it worse."""
    random, known = np.random.default_rng(seed), begin(metric, PLAN)
    for number in range(1, batches + 1):
        known = learn(
            metric,
            known,
            batch(random, each, candidate),
            batch(random, each, stable),
            step=min(2, number // 10),
            alone=False,
        )
        if judge(metric, known).worse:
            return number
    return None


@pytest.mark.parametrize("rate", [0.005, 0.05])
def test_a_candidate_that_is_no_worse_is_rolled_back_no_more_often_than_alpha(rate: float) -> None:
    # A large alpha, so that a rule which is wrong would be seen in so few runs.
    metric, runs = error_metric(alpha=0.4), 120
    false = sum(
        until_rolled_back(metric, seed, stable=rate, candidate=rate, batches=40) is not None
        for seed in range(runs)
    )
    share = metric.alpha_worse
    assert false / runs <= share + 3 * (share * (1 - share) / runs) ** 0.5


def test_six_times_the_errors_are_found_within_minutes() -> None:
    # 120 requests a minute on each side, 0.5 % against 3 %, one look a minute.
    metric = error_metric()
    found = [
        until_rolled_back(metric, seed, stable=0.005, candidate=0.03, batches=40)
        for seed in range(60)
    ]
    assert None not in found
    assert statistics.median(f for f in found if f) <= 6


def test_a_broken_candidate_is_found_within_a_handful_of_requests() -> None:
    metric = error_metric()
    known = learn(metric, begin(metric, PLAN), Tally(10, 10), Tally(90, 0), step=0, alone=False)
    assert judge(metric, known).worse


def learned(metric: Metric, *batches: tuple[Tally, Tally], alone: bool = False) -> Judgement:
    known = begin(metric, PLAN)
    for candidate, stable in batches:
        known = learn(metric, known, candidate, stable, step=0, alone=alone)
    return judge(metric, known)


def test_no_failure_in_a_few_requests_shows_nothing() -> None:
    found = learned(error_metric(), (Tally(20, 0), Tally(200, 0)))
    assert not found.within
    assert not found.worse


def test_many_good_requests_show_that_the_margin_is_kept() -> None:
    batches = [(Tally(100, 0), Tally(100, 0)) for _ in range(20)]
    found = learned(error_metric(max_error_rate_increase=0.01), *batches)
    assert found.within
    assert found.increase_at_most is not None
    assert found.increase_at_most <= 0.01


def test_provably_worse_but_provably_within_the_margin_is_tolerated() -> None:
    batches = [(Tally(100, 3), Tally(100, 0)) for _ in range(40)]
    strict = learned(error_metric(max_error_rate_increase=0.01), *batches)
    lenient = learned(error_metric(max_error_rate_increase=0.2), *batches)
    assert strict.worse
    assert not strict.within
    assert lenient.within
    assert not lenient.worse


def test_a_candidate_alone_is_judged_against_what_the_stable_version_did() -> None:
    metric = error_metric(max_error_rate_increase=0.05)
    history = Tally(2000, 4)
    known = begin(metric, PLAN, history)
    good, bad = known, known
    for _ in range(5):
        good = learn(metric, good, Tally(60, 0), Tally(), step=0, alone=True)
        bad = learn(metric, bad, Tally(20, 4), Tally(), step=0, alone=True)
    assert judge(metric, good).within
    assert judge(metric, bad).worse


def test_a_candidate_alone_without_any_history_is_judged_by_the_absolute_limit() -> None:
    metric = error_metric(max_error_rate=0.05)
    broken = learned(metric, (Tally(40, 30), Tally()), alone=True)
    assert broken.worse


def test_traffic_of_one_side_only_waits_for_the_other() -> None:
    metric = error_metric()
    known = learn(metric, begin(metric, PLAN), Tally(5, 5), Tally(), step=0, alone=False)
    assert known.candidate == Tally()
    assert judge(metric, known).e_worse == pytest.approx(1.0)
    known = learn(metric, known, Tally(), Tally(50, 0), step=0, alone=False)
    assert known.candidate == Tally(5, 5)
    assert judge(metric, known).e_worse > 1


def test_a_version_that_turns_bad_late_is_not_protected_by_its_past() -> None:
    metric, known = error_metric(), begin(error_metric(), PLAN)
    for _ in range(100):
        known = learn(metric, known, Tally(50, 0), Tally(50, 0), step=0, alone=False)
    assert judge(metric, known).within
    for _ in range(2):
        known = learn(metric, known, Tally(50, 10), Tally(50, 0), step=1, alone=False)
    assert judge(metric, known).worse
