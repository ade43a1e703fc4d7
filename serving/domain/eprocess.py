"""Computes e-values: evidence that may be checked as often as one likes.

An e-variable is a number >= 0 whose expectation is at most 1 while the null hypothesis holds;
the running product over batches is then a test supermartingale, so by Ville's inequality
P(it ever reaches 1/alpha) <= alpha, at every horizon and however often somebody looks.

For one batch with `n_c` requests of the candidate and `n_s` of the stable version, alternative
(c1, s1) fixed before the batch, and a convex null N of pairs (c, s):

    E = p_c1(batch_c) p_s1(batch_s) / ( p_c0(batch_c) p_s0(batch_s) ),
    (c0, s0) = argmin over N of n_c kl(c1 || c) + n_s kl(s1 || s).

Why E is an e-variable: under a true pair (c, s) in N, E's expectation is r_c^n_c r_s^n_s, with
r_g(x) = x g1/g0 + (1-x)(1-g1)/(1-g0). By the weighted means inequality it is at most
((n_c r_c + n_s r_s) / n)^n. That mean is linear in (c, s), equals 1 at (c0, s0), and its gradient
there is minus the gradient of the divergence, so first-order optimality over the convex N keeps
it <= 1 on all of N. Nothing asks that (c, s) be the same from batch to batch: a slow minute that
hits both versions is no evidence against either.

Source: Turner, Ly & Gruenwald, "Generic E-variables for exact sequential k-sample tests that
allow for optional stopping" (JSPI 2024), theorems 1-2; Ville's inequality as in Howard, Ramdas,
McAuliffe & Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences" (Ann. Stat.
2021); bets as in Waudby-Smith & Ramdas, "Estimating means of bounded random variables by
betting" (JRSS B 2024).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_TINY = 1e-9
_BISECTIONS = 60
_NEWTON_STEPS = 60
_PRECISION = 1e-9


class Side(StrEnum):
    """Which half-plane of (candidate, stable) probabilities is the null.

    `at_most`: candidate <= stable + offset (rejecting shows the candidate to be worse).
    `at_least`: candidate >= stable + offset (rejecting shows it to be within the offset).
    """

    AT_MOST = "at_most"
    AT_LEAST = "at_least"


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of a group of requests: how many, and how many of them were bad."""

    total: int = 0
    bad: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.bad <= self.total:
            raise ValueError(f"expected 0 <= bad <= total, found {self.bad} of {self.total}")

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.total + other.total, self.bad + other.bad)


NOTHING = Tally()


def smoothed(tally: Tally, prior_rate: float, prior_weight: float) -> float:
    """Return the share of bad requests, pulled towards a prior; always inside (0, 1)."""
    rate = (tally.bad + prior_rate * prior_weight) / (tally.total + prior_weight)
    return min(max(rate, _TINY), 1 - _TINY)


def project(
    side: Side, offset: float, candidate: Tally, stable: Tally, c1: float, s1: float
) -> tuple[float, float]:
    """Return the point of the null nearest to (c1, s1) in divergence, for these batch sizes."""
    inside = c1 <= s1 + offset if side is Side.AT_MOST else c1 >= s1 + offset
    if inside:
        return c1, s1
    # On the border c = s + offset the divergence is convex in s: Newton's method finds where its
    # slope is zero, kept inside a shrinking bracket.
    low, high = max(_TINY, _TINY - offset), min(1 - _TINY, 1 - _TINY - offset)
    total = candidate.total + stable.total
    s = (candidate.total * (c1 - offset) + stable.total * s1) / total
    for _ in range(_NEWTON_STEPS):
        s = s if low < s < high else (low + high) / 2
        c = s + offset
        spread_c, spread_s = c * (1 - c), s * (1 - s)
        slope = candidate.total * (c - c1) / spread_c + stable.total * (s - s1) / spread_s
        low, high = (low, s) if slope > 0 else (s, high)
        bend = (
            candidate.total * (c * c - 2 * c1 * c + c1) / spread_c**2
            + stable.total * (s * s - 2 * s1 * s + s1) / spread_s**2
        )
        step = slope / bend
        s -= step
        if abs(step) < _PRECISION * s:
            break
    s = min(max(s, low), high)
    return s + offset, s


def log_ratio(tally: Tally, rate_1: float, rate_0: float) -> float:
    """Return the log-likelihood ratio of `rate_1` over `rate_0` for a batch."""
    good = tally.total - tally.bad
    bad_part = tally.bad * math.log(rate_1 / rate_0) if tally.bad else 0.0
    good_part = good * math.log((1 - rate_1) / (1 - rate_0)) if good else 0.0
    return bad_part + good_part


def log_e_two_sample(
    side: Side, offset: float, candidate: Tally, stable: Tally, c1: float, s1: float
) -> float:
    """Return the log e-value of one batch against `side` of `candidate = stable + offset`.

    Zero (no evidence either way) when one of the groups got no traffic.

    Args:
        side: which half-plane is the null.
        offset: in (-1, 1).
        candidate, stable: the batch.
        c1, s1: the alternative, in (0, 1), chosen before the batch was seen.
    """
    if not candidate.total or not stable.total:
        return 0.0
    c0, s0 = project(side, offset, candidate, stable, c1, s1)
    return log_ratio(candidate, c1, c0) + log_ratio(stable, s1, s0)


def log_e_one_sample(side: Side, bound: float, candidate: Tally, c1: float) -> float:
    """Return the log e-value of one batch against `candidate <= bound` or `>= bound`."""
    bound = min(max(bound, _TINY), 1 - _TINY)
    inside = c1 <= bound if side is Side.AT_MOST else c1 >= bound
    return 0.0 if inside or not candidate.total else log_ratio(candidate, c1, bound)


def log_mean(logs: Sequence[float]) -> float:
    """Return the log of the mean of e-values given by their logs: an e-value again."""
    top = max(logs)
    return top + math.log(sum(math.exp(x - top) for x in logs) / len(logs))


def upper_bound(tally: Tally, alpha: float) -> float:
    """Return a level 1-alpha upper bound of the probability of a bad request; 1 without data.

    Source: Chernoff's bound for Bernoulli means, n kl(share || bound) = log(1/alpha).
    """
    if not tally.total:
        return 1.0
    share = tally.bad / tally.total
    low, high = share, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        inside = tally.total * _kl(share, middle) <= math.log(1 / alpha)
        low, high = (middle, high) if inside else (low, middle)
    return high


def lower_bound(tally: Tally, alpha: float) -> float:
    """Return a level 1-alpha lower bound of the probability of a bad request; 0 without data."""
    return 1.0 - upper_bound(Tally(tally.total, tally.total - tally.bad), alpha)


def _kl(p: float, q: float) -> float:
    """Return the divergence of Bernoulli(p) from Bernoulli(q)."""
    if q <= 0 or q >= 1:
        return 0.0 if p == q else math.inf
    first = p * math.log(p / q) if p else 0.0
    second = (1 - p) * math.log((1 - p) / (1 - q)) if p < 1 else 0.0
    return first + second
