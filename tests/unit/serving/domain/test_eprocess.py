from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from serving.domain.eprocess import (
    Side,
    Tally,
    log_e_one_sample,
    log_e_two_sample,
    lower_bound,
    project,
    upper_bound,
)

rates = st.floats(0.001, 0.999)
sides = st.sampled_from(list(Side))
offsets = st.floats(-0.5, 0.5)
sizes = st.integers(1, 8)


def mean_e(
    side: Side, offset: float, n_c: int, n_s: int, c1: float, s1: float, c: float, s: float
) -> float:
    """The e-variable's exact expectation under (c, s), by going through all outcomes."""

    def probability(n: int, k: int, p: float) -> float:
        return math.comb(n, k) * p**k * (1 - p) ** (n - k)

    return sum(
        probability(n_c, x, c)
        * probability(n_s, y, s)
        * math.exp(log_e_two_sample(side, offset, Tally(n_c, x), Tally(n_s, y), c1, s1))
        for x in range(n_c + 1)
        for y in range(n_s + 1)
    )


@given(sides, offsets, sizes, sizes, rates, rates, rates, rates)
def test_the_expectation_is_at_most_one_everywhere_on_the_null(
    side: Side, offset: float, n_c: int, n_s: int, c1: float, s1: float, c: float, s: float
) -> None:
    null = c <= s + offset if side is Side.AT_MOST else c >= s + offset
    mean = mean_e(side, offset, n_c, n_s, c1, s1, c, s)
    assert mean <= 1 + 1e-6 or not null


def test_the_expectation_grows_where_the_alternative_is_true() -> None:
    assert mean_e(Side.AT_MOST, 0.0, 8, 8, 0.5, 0.1, 0.5, 0.1) > 2


@given(sides, offsets, sizes, sizes, rates, rates)
def test_the_projection_lies_in_the_null(
    side: Side, offset: float, n_c: int, n_s: int, c1: float, s1: float
) -> None:
    c, s = project(side, offset, Tally(n_c), Tally(n_s), c1, s1)
    assert 0 < c < 1
    assert 0 < s < 1
    inside = c - s - offset if side is Side.AT_MOST else offset - (c - s)
    assert inside <= 1e-9


@given(sides, offsets, st.integers(0, 50), rates, rates)
def test_a_missing_half_is_no_evidence(
    side: Side, offset: float, count: int, c1: float, s1: float
) -> None:
    assert log_e_two_sample(side, offset, Tally(count), Tally(), c1, s1) == 0
    assert log_e_two_sample(side, offset, Tally(), Tally(count, count), c1, s1) == 0


@given(sides, rates, rates, rates, st.integers(1, 12))
def test_one_sample_expectation_is_at_most_one_on_its_null(
    side: Side, bound: float, c1: float, c: float, n: int
) -> None:
    mean = sum(
        math.comb(n, k) * c**k * (1 - c) ** (n - k)
        * math.exp(log_e_one_sample(side, bound, Tally(n, k), c1))
        for k in range(n + 1)
    )  # fmt: skip
    null = c <= bound if side is Side.AT_MOST else c >= bound
    assert mean <= 1 + 1e-6 or not null


@given(st.integers(0, 2000), st.floats(0, 1), st.floats(0.001, 0.2))
def test_bounds_hold_the_share_between_them(total: int, part: float, alpha: float) -> None:
    tally = Tally(total, int(total * part))
    low, high = lower_bound(tally, alpha), upper_bound(tally, alpha)
    share = tally.bad / total if total else 0.5
    assert 0 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1
