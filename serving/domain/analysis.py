"""Compares a candidate's live traffic with the stable version's, while both serve.

Two questions per metric, each answered by an e-process (`eprocess`), so looking costs nothing:

* *Is it worse?* Rejects "candidate <= stable + tolerance". The error budget `alpha` is shared
  over the metrics (Bonferroni), so a candidate that is no worse is rolled back with probability
  at most `alpha` over the whole rollout.
* *Is it shown to be good enough?* Rejects "candidate >= stable + margin" for a ladder of margins;
  the smallest rejected one is the upper end of a confidence sequence for the degradation. Every
  metric must be shown, so each may use all of `alpha` (an intersection-union test).

A candidate that is provably worse, but provably within the plan's margin, is tolerated. Both are
asked again from each step on, so that a version that turns bad late is not protected by its past.
Where there is no stable traffic (everything already switched over), the same questions are asked
against what the stable version did before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from serving.domain.eprocess import (
    NOTHING,
    Side,
    Tally,
    log_e_one_sample,
    log_e_two_sample,
    log_mean,
    lower_bound,
    smoothed,
    upper_bound,
)
from serving.domain.plan import Checks, RolloutPlan

# Degradations that the test for "worse" bets on, from subtle to total.
EFFECTS = (0.004, 0.015, 0.05, 0.25, 0.9)
LADDER = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5)
PRIOR_WEIGHT = 50.0
# The share of a metric's budget kept for the bounds of a remembered baseline.
BASELINE_SHARE = 0.1
_CEILING = 0.999
_NO_EVIDENCE = -700.0


class MetricName(StrEnum):
    """What makes a request count as bad."""

    ERRORS = "error_rate"
    SLOW = "slow_share"


@dataclass(frozen=True, slots=True)
class Metric:
    """One Bernoulli quality of a request, and what the plan asks of it.

    Attributes:
        margin: the increase that promotion must exclude.
        tolerance: the increase that a rollback must exceed.
        limit: the most accepted where nothing is known of the stable version.
        prior_rate: the usual share of bad requests, used to place bets only.
        alpha_worse, alpha_within: error probabilities of the two questions.
        min_baseline: stable requests that make a remembered baseline.
    """

    name: MetricName
    margin: float
    tolerance: float
    limit: float
    prior_rate: float
    alpha_worse: float
    alpha_within: float
    min_baseline: int

    @property
    def margins(self) -> tuple[float, ...]:
        """Return the margins that are tested, the plan's own among them."""
        return tuple(sorted({*LADDER, self.margin}))


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of one metric. Persisted; numbers only.

    Attributes:
        candidate, stable: requests since the rollout began.
        history: the stable version's requests before it.
        open_candidate, open_stable: a batch that waits for its other half.
        worse: log e-values per step (a fresh start each) and per effect.
        within: log e-values per margin of the ladder and per alternative.
        kept: the same for the plan's margin alone, per step, each with a fresh start.
    """

    candidate: Tally = NOTHING
    stable: Tally = NOTHING
    history: Tally = NOTHING
    open_candidate: Tally = NOTHING
    open_stable: Tally = NOTHING
    worse: tuple[tuple[float, ...], ...] = ()
    within: tuple[tuple[float, ...], ...] = ()
    kept: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """A metric's answer to both questions now.

    Attributes:
        worse: the candidate is worse than tolerated, at the plan's error rate.
        within: the candidate is shown to degrade by less than the margin.
        e_worse: the e-value of "worse"; a rollback needs `e_needed`.
        increase_at_most: upper end of the confidence sequence for the increase, or None while
            nothing below 0.5 is excluded.
    """

    metric: Metric
    evidence: Evidence
    worse: bool
    within: bool
    e_worse: float
    e_needed: float
    increase_at_most: float | None


def metrics(checks: Checks) -> tuple[Metric, ...]:
    """Return the metrics that the checks ask for, each with its share of the error budget."""
    count = len(MetricName)
    errors = Metric(
        name=MetricName.ERRORS,
        margin=checks.max_error_rate_increase,
        tolerance=0.0,
        limit=checks.max_error_rate,
        prior_rate=0.005,
        alpha_worse=checks.alpha / count,
        alpha_within=checks.alpha,
        min_baseline=checks.min_requests,
    )
    # Slowness comes in bursts that are no fault of the version (a busy machine), so only an
    # increase beyond the margin counts against it.
    slow = Metric(
        name=MetricName.SLOW,
        margin=checks.max_slow_share_increase,
        tolerance=checks.max_slow_share_increase,
        limit=min(_CEILING, 0.05 + checks.max_slow_share_increase),
        prior_rate=0.03,
        alpha_worse=checks.alpha / count,
        alpha_within=checks.alpha,
        min_baseline=checks.min_requests,
    )
    return errors, slow


def begin(metric: Metric, plan: RolloutPlan, history: Tally = NOTHING) -> Evidence:
    """Return empty evidence."""
    return Evidence(
        history=history,
        worse=tuple((0.0,) * len(EFFECTS) for _ in plan.steps),
        within=tuple((0.0,) * 3 for _ in metric.margins),
        kept=tuple((0.0,) * 3 for _ in plan.steps),
    )


def learn(
    metric: Metric, evidence: Evidence, candidate: Tally, stable: Tally, *, step: int, alone: bool
) -> Evidence:
    """Add one batch of requests.

    Args:
        metric: what is counted.
        evidence: what was known before; every bet is placed from it.
        candidate, stable: the batch.
        step: index of the current step.
        alone: the candidate has all the traffic, so no other half is coming.
    """
    batch_c, batch_s = evidence.open_candidate + candidate, evidence.open_stable + stable
    solo = alone and batch_c.total > 0 and not batch_s.total
    if not solo and not (batch_c.total and batch_s.total):
        return replace(evidence, open_candidate=batch_c, open_stable=batch_s)
    if solo:
        worse, within = _solo(metric, evidence, batch_c)
    else:
        worse, within = _pair(metric, evidence, batch_c, batch_s)
    kept = within[metric.margins.index(metric.margin)]
    return replace(
        evidence,
        candidate=evidence.candidate + batch_c,
        stable=evidence.stable + batch_s,
        open_candidate=NOTHING,
        open_stable=NOTHING,
        worse=_added_from(evidence.worse, worse, step),
        kept=_added_from(evidence.kept, kept, step),
        within=tuple(_added(a, b) for a, b in zip(evidence.within, within, strict=True)),
    )


def judge(metric: Metric, evidence: Evidence) -> Judgement:
    """Answer both questions from the evidence so far."""
    log_shown = math.log(1 / (metric.alpha_within * (1 - BASELINE_SHARE)))
    log_worse = _log_worse(evidence, log_shown)
    needed = 1 / (metric.alpha_worse * (1 - BASELINE_SHARE))
    shown = [
        margin
        for margin, logs in zip(metric.margins, evidence.within, strict=True)
        if log_mean(logs) >= log_shown
    ]
    return Judgement(
        metric=metric,
        evidence=evidence,
        worse=log_worse >= math.log(needed),
        within=metric.margin in shown,
        e_worse=math.exp(min(log_worse, 700.0)),
        e_needed=needed,
        increase_at_most=min(shown, default=None),
    )


def _log_worse(evidence: Evidence, log_shown: float) -> float:
    """Average over the starts: half of the weight on the first step, the rest shared by the others.

    A start since which the margin is shown to be kept counts nothing: worse, but tolerated.
    """
    first, *later = [
        _NO_EVIDENCE if log_mean(kept) >= log_shown else log_mean(worse)
        for worse, kept in zip(evidence.worse, evidence.kept, strict=True)
    ]
    return log_mean([first, log_mean(later)]) if later else first


def _added_from(
    rows: tuple[tuple[float, ...], ...], more: tuple[float, ...], step: int
) -> tuple[tuple[float, ...], ...]:
    """Add to the starts at or before `step`; the others have not begun."""
    return tuple(_added(row, more) if index <= step else row for index, row in enumerate(rows))


def _added(one: tuple[float, ...], other: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def _pair(
    metric: Metric, evidence: Evidence, batch_c: Tally, batch_s: Tally
) -> tuple[tuple[float, ...], list[tuple[float, ...]]]:
    """Return the log e-values of a batch that has both halves."""
    known = evidence.history + evidence.stable
    s1 = smoothed(known, metric.prior_rate, PRIOR_WEIGHT)
    c1 = smoothed(evidence.candidate, s1, PRIOR_WEIGHT)
    both = smoothed(evidence.candidate + known, metric.prior_rate, PRIOR_WEIGHT)
    worse = tuple(
        log_e_two_sample(
            Side.AT_MOST, metric.tolerance, batch_c, batch_s, _rate(s1 + metric.tolerance + d), s1
        )
        for d in EFFECTS
    )
    within = [
        tuple(
            log_e_two_sample(Side.AT_LEAST, margin, batch_c, batch_s, c, s)
            for c, s in ((both, both), (_rate(both + margin / 2), both), (c1, s1))
        )
        for margin in metric.margins
    ]
    return worse, within


def _solo(
    metric: Metric, evidence: Evidence, batch: Tally
) -> tuple[tuple[float, ...], list[tuple[float, ...]]]:
    """Return the log e-values of a batch compared with the remembered baseline."""
    known = evidence.history + evidence.stable
    if known.total >= metric.min_baseline:
        ceiling = upper_bound(known, metric.alpha_worse * BASELINE_SHARE) + metric.tolerance
    else:
        ceiling = metric.limit
    floor = lower_bound(known, metric.alpha_within * BASELINE_SHARE)
    c1 = smoothed(evidence.candidate, metric.prior_rate, PRIOR_WEIGHT)
    worse = tuple(
        log_e_one_sample(Side.AT_MOST, ceiling, batch, _rate(ceiling + d)) for d in EFFECTS
    )
    within = [
        tuple(
            log_e_one_sample(Side.AT_LEAST, _rate(floor + margin), batch, c)
            for c in (_rate(floor), _rate(floor + margin / 2), c1)
        )
        for margin in metric.margins
    ]
    return worse, within


def _rate(value: float) -> float:
    return min(max(value, 1 - _CEILING), _CEILING)
