from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.benchmark import Effort, NoDataError, require
from benchmarks.report import Row, Statistic, Target, compared, figure, missed, percentile, table

SAMPLES = st.lists(st.floats(0, 1e6), min_size=1, max_size=50)


@given(SAMPLES)
def test_the_half_percentile_is_the_median(samples: list[float]) -> None:
    assert math.isclose(percentile(samples, 0.5), statistics.median(samples), abs_tol=1e-9)


@given(SAMPLES, st.floats(0, 1), st.floats(0, 1))
def test_percentiles_rise_with_the_share_and_stay_inside(
    samples: list[float], one: float, other: float
) -> None:
    low, high = percentile(samples, min(one, other)), percentile(samples, max(one, other))
    assert min(samples) <= low <= high + 1e-6
    assert high <= max(samples) + 1e-6


def test_a_percentile_lies_between_the_two_samples_beside_it() -> None:
    assert percentile([40, 10, 20, 30], 0.95) == pytest.approx(38.5)


@pytest.mark.parametrize(("samples", "share"), [([], 0.5), ([1.0], 1.1), ([1.0], -0.1)])
def test_a_percentile_of_nothing_or_outside_is_refused(
    samples: Sequence[float], share: float
) -> None:
    with pytest.raises(ValueError, match="expected samples"):
        percentile(samples, share)


def test_a_row_needs_a_sample() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        Row("nothing", "s", ())


@pytest.mark.parametrize(
    ("statistic", "met"), [(Statistic.P50, True), (Statistic.P95, False), (Statistic.MAX, False)]
)
def test_a_target_is_about_its_statistic(statistic: Statistic, met: bool) -> None:
    assert Row("call", "ms", (1.0, 2.0, 90.0), Target(2.0, statistic)).met is met


def test_a_row_without_target_is_neither_met_nor_missed() -> None:
    row = Row("call", "ms", (1.0,))
    assert row.met is None
    assert missed([row.document()]) == []


def test_what_misses_its_target_is_named() -> None:
    rows = [Row("good", "s", (1.0,), Target(1.0)), Row("bad", "s", (1.01,), Target(1.0))]
    assert missed([row.document() for row in rows]) == ["bad"]


def test_a_comparison_ends_with_the_ratio_of_the_medians() -> None:
    ours, peers, ratio = compared("get", "ms", [2.0, 4.0, 9.0], [2.0])
    assert (ours.n, peers.n) == (3, 1)
    assert ratio.samples == (2.0,)
    assert ratio.unit == "x"


def test_the_table_shows_distributions_values_targets_and_results() -> None:
    rows = [
        Row("gate", "s", (0.5, 0.6, 0.7), Target(1.0, Statistic.P50)),
        Row("failed", "requests", (2,), Target(0), of=12_345),
        Row("ratio", "x", (1.5,)),
    ]
    header, rule, *lines = table(rows).splitlines()
    assert header.split("  ")[0] == "what"
    assert set(rule) == {"-", " "}
    assert [" ".join(line.split()) for line in lines] == [
        "gate 0.600 / 0.690 / 0.700 s 3 p50 <= 1 met",
        "failed 2 requests 12,345 <= 0 NOT MET",
        "ratio 1.50 x 1",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (120.0, "120"), (0.01234, "0.012"), (3.14159, "3.14"), (45.67, "45.7"),
     (120.3, "120.3"), (12345.6, "12,346")],
)  # fmt: skip
def test_figures_are_short_and_have_no_exponent(value: float, text: str) -> None:
    assert figure(value) == text


def test_a_rows_document_is_json_with_every_sample() -> None:
    row = Row("gate", "s", (0.5, 0.7), Target(1.0, Statistic.P50))
    found = json.loads(json.dumps(row.document()))
    assert found["samples"] == [0.5, 0.7]
    assert found["target"] == {"statistic": "p50", "at_most": 1.0}
    assert found["met"] is True


def test_a_quick_run_measures_a_sixth_but_never_nothing() -> None:
    assert [Effort(quick=True).count(n) for n in (60, 6)] == [10, 3]
    assert Effort().count(60) == 60


def test_numbers_of_something_else_are_refused() -> None:
    with pytest.raises(NoDataError, match="expected 20 digests, found 1"):
        require(False, "20 digests", 1)
