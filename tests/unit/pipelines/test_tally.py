from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.latency import GROWTH, Histogram, bucket
from pipelines.tally import NOBODY, Counting, Tally

latencies = st.floats(min_value=0.0, max_value=60_000.0)
answers = st.lists(
    st.tuples(st.sampled_from(["1.0.0", "1.0.1", NOBODY]), latencies, st.none() | st.just("500"))
)


def _counted(given_answers: list[tuple[str, float, str | None]]) -> Counting:
    counting = Counting()
    for version, latency, failure in given_answers:
        counting.due += 1
        counting.add(version, latency, failure)
    return counting


@given(st.lists(latencies, min_size=1), st.floats(min_value=0.01, max_value=1.0))
def test_a_quantile_is_at_most_one_bucket_above_the_true_one(
    values: list[float], share: float
) -> None:
    counting = _counted([("v", value, None) for value in values])
    true = sorted(values)[math.ceil(share * len(values)) - 1]

    found = counting.reading().of("v").latency.quantile_ms(share)

    assert found is not None
    assert true <= found * 1.000001
    assert found <= max(true * GROWTH, 0.1) * 1.000001


def test_there_is_no_quantile_of_nothing() -> None:
    assert Histogram().quantile_ms(0.5) is None


@given(latencies)
def test_a_latency_is_no_more_than_its_buckets_bound(latency: float) -> None:
    assert latency <= 0.1 * GROWTH ** bucket(latency) * 1.000001


@given(answers, answers)
def test_what_came_since_a_reading_is_exactly_what_was_added(
    before: list[tuple[str, float, str | None]], after: list[tuple[str, float, str | None]]
) -> None:
    early = _counted(before).reading()
    late = _counted(before + after).reading()

    rest, alone = late.since(early), _counted(after).reading()

    assert rest.due == alone.due
    assert rest.by_version == alone.by_version
    assert rest.requests == len(after)
    assert rest.failures == sum(failure is not None for _, _, failure in after)


@given(answers)
def test_a_reading_survives_the_way_through_json(
    given_answers: list[tuple[str, float, str | None]],
) -> None:
    tally = _counted(given_answers).reading()

    assert Tally.read(json.loads(json.dumps(tally.document()))) == tally


def test_only_a_few_different_failures_are_kept_as_examples() -> None:
    counting = _counted([("v", 1.0, f"error {n % 9}") for n in range(50)])

    assert counting.reading().examples == tuple(f"v: error {n}" for n in range(5))


@pytest.mark.parametrize("latency", [0.0, 0.05, 0.1])
def test_the_smallest_latencies_share_a_bucket(latency: float) -> None:
    assert bucket(latency) == 0
