"""Checks whether a model treats groups alike.

Both rules put the burden of proof on the model: the upper end of the 95 % interval of the largest
gap between groups must stay below the limit. With 2,500 rows per group the interval of a rate is
about 0.03 either side, so a true gap up to some 0.06 can be shown to be below 0.10; with 200 it
is about 0.10 either side and nothing can be shown, which is why groups have a least size.

Source of the limit: 29 CFR 1607.4(D), the four-fifths rule; at a selection rate of one half a
ratio of 0.8 is a gap of 0.10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from compliance.checks.check import Check, Context, Params
from compliance.domain.classes import shown
from compliance.domain.facts import Missing, Task
from compliance.domain.result import (
    JsonValue,
    Outcome,
    RuleResult,
    failed_with,
    measured,
    not_applicable,
)

CONFIDENCE_TAIL = 0.025
SHOWN_GROUPS = 10


class GapParams(Params):
    """Bounds for the upper end of the 95 % interval of the largest gap between two groups."""

    limit: float = Field(0.10, gt=0, le=1)
    ceiling: float = Field(0.20, gt=0, le=1)
    min_group_n: int = Field(200, ge=10)
    resamples: int = Field(1000, ge=100, le=20_000)

    @model_validator(mode="after")
    def _ordered(self) -> GapParams:
        if self.ceiling <= self.limit:
            raise ValueError(f"ceiling must be above limit, found {self.ceiling} <= {self.limit}")
        return self


@dataclass(frozen=True, slots=True)
class Rates:
    """A rate per group with its size, and the largest gap with its 95 % interval.

    Attributes:
        rates: group to (hits, of how many).
        interval: of `gap`, in [0, 1].
    """

    rates: Mapping[str, tuple[int, int]]
    gap: float
    interval: tuple[float, float]


def compare(hits: NDArray[np.bool_], groups: NDArray[np.str_], resamples: int, seed: int) -> Rates:
    """Compare the share of hits between groups.

    Resamples the counts, not the rows: with a group's size held fixed, its hits are binomial,
    which is what drawing its rows with replacement gives (three milliseconds, not seconds).

    Source: Efron & Tibshirani (1993), ch. 13, percentile interval, stratified by group.
    """
    names, codes = np.unique(groups, return_inverse=True)
    n = np.bincount(codes, minlength=len(names))
    k = np.bincount(codes[hits], minlength=len(names))
    rate = k / n
    drawn = np.random.default_rng(seed).binomial(n, rate, size=(resamples, len(names))) / n
    gaps = drawn.max(axis=1) - drawn.min(axis=1)
    low, high = np.quantile(gaps, [CONFIDENCE_TAIL, 1 - CONFIDENCE_TAIL])
    return Rates(
        rates={shown(str(name), int(n[i])): (int(k[i]), int(n[i])) for i, name in enumerate(names)},
        gap=float(rate.max() - rate.min()),
        interval=(float(low), float(high)),
    )


def _gap(params: GapParams, context: Context, what: str, *, given_positive: bool) -> RuleResult:
    expected = f"95 % upper bound of the largest {what} gap <= {params.limit:.3f}"
    evaluation = context.facts.evaluation
    if isinstance(evaluation, Missing):
        return evaluation.result(expected)
    if not evaluation.groups:
        return not_applicable("the evidence binding names no sensitive attribute")
    if evaluation.positive is None:
        return failed_with(
            Outcome.ERROR,
            f"no favourable class among {len(evaluation.classes)} classes",
            expected,
            "name it as the label column does: acgs evidence add ... --positive-label",
        )
    compared = {}
    for number, (attribute, groups) in enumerate(sorted(evaluation.groups.items())):
        keep = (
            evaluation.labels == evaluation.positive
            if given_positive
            else np.ones(evaluation.n, dtype=bool)
        )
        small = _small_groups(groups, keep, params.min_group_n)
        if small:
            return failed_with(
                Outcome.INSUFFICIENT,
                f"{attribute}: {_listed(small)}",
                f"two or more groups, each with n >= {params.min_group_n}",
                "pin a holdout with more rows of those groups: acgs evidence add",
            )
        hits = evaluation.predictions[keep] == evaluation.positive
        seed = (context.seed + number) % 2**64
        compared[attribute] = compare(hits, groups[keep], params.resamples, seed)
    return _worst(params, compared, expected, evaluation.n)


def _small_groups(
    groups: NDArray[np.str_], keep: NDArray[np.bool_], least: int
) -> list[tuple[str, int]]:
    names, codes = np.unique(groups, return_inverse=True)
    counts = np.bincount(codes[keep], minlength=len(names)).tolist()
    rows = np.bincount(codes, minlength=len(names)).tolist()
    sizes = [
        (shown(str(name), all_rows), n)
        for name, all_rows, n in zip(names, rows, counts, strict=True)
    ]
    return sizes if len(sizes) < 2 else [(name, n) for name, n in sizes if n < least]


def _listed(groups: Sequence[tuple[str, int]]) -> str:
    more = f" and {len(groups) - SHOWN_GROUPS} more" if len(groups) > SHOWN_GROUPS else ""
    return ", ".join(f"{name} n={n}" for name, n in groups[:SHOWN_GROUPS]) + more


def _worst(params: GapParams, compared: Mapping[str, Rates], expected: str, n: int) -> RuleResult:
    attribute, worst = max(compared.items(), key=lambda item: (item[1].interval[1], item[0]))
    shown = [f"{g} {k / m:.3f} (n={m})" for g, (k, m) in worst.rates.items()]
    more = f" and {len(shown) - SHOWN_GROUPS} more" if len(shown) > SHOWN_GROUPS else ""
    rates = ", ".join(shown[:SHOWN_GROUPS]) + more
    details: dict[str, JsonValue] = {
        name: {
            "gap": found.gap,
            "interval": list(found.interval),
            "rates": {g: {"hits": k, "n": m} for g, (k, m) in found.rates.items()},
        }
        for name, found in compared.items()
    }
    return measured(
        worst.interval[1],
        floor=params.ceiling,
        target=params.limit,
        observed=f"{worst.interval[1]:.3f} (gap {worst.gap:.3f} by {attribute}: {rates})",
        expected=expected,
        fix=f"find out why {attribute} changes the answer; rebalance, reweight or drop proxies",
        n=n,
        interval=worst.interval,
        details=details,
    )


def selection_rate_gap(params: GapParams, context: Context) -> RuleResult:
    """Grade the largest gap between groups in how often they get the favourable answer.

    Source: demographic parity difference, Fairlearn's `demographic_parity_difference`.
    """
    return _gap(params, context, "selection-rate", given_positive=False)


def equal_opportunity_gap(params: GapParams, context: Context) -> RuleResult:
    """Grade the same gap among rows whose true class is the favourable one.

    Source: Hardt, Price, Srebro (2016), Equality of Opportunity in Supervised Learning.
    """
    return _gap(params, context, "true-positive-rate", given_positive=True)


SELECTION_RATE = Check(
    "fairness.selection_rate_gap", GapParams, selection_rate_gap, frozenset({Task.CLASSIFICATION})
)
EQUAL_OPPORTUNITY = Check(
    "fairness.equal_opportunity_gap",
    GapParams,
    equal_opportunity_gap,
    frozenset({Task.CLASSIFICATION}),
)
