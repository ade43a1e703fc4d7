from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.retry import (
    BACK_OFF_CAP_SECONDS,
    JITTER_SECONDS,
    MAX_ATTEMPTS,
    RETRY_AFTER_CAP_SECONDS,
    Dead,
    Delivered,
    RetryIn,
    back_off_seconds,
    next_step,
    parse_retry_after,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
attempts = st.integers(1, MAX_ATTEMPTS - 1)
failures = st.one_of(st.none(), st.integers(100, 599).filter(lambda s: s != 410 and s // 100 != 2))
jitters = st.floats(0, 1, exclude_max=True)


def test_the_back_off_doubles_from_one_second_to_the_cap() -> None:
    assert [back_off_seconds(n) for n in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]


@given(st.integers(1, 10_000))
def test_the_back_off_never_shrinks_and_is_capped(n: int) -> None:
    assert back_off_seconds(n) <= back_off_seconds(n + 1) <= BACK_OFF_CAP_SECONDS


@given(attempts, failures, jitters)
def test_any_failure_is_tried_again_after_the_back_off_plus_jitter(
    n: int, status: int | None, jitter: float
) -> None:
    step = next_step(n, status, jitter=jitter)
    assert isinstance(step, RetryIn)
    assert back_off_seconds(n) <= step.seconds <= back_off_seconds(n) + JITTER_SECONDS


@given(attempts, failures, jitters, st.floats(allow_nan=False))
def test_retry_after_can_only_lengthen_the_wait_and_is_capped(
    n: int, status: int | None, jitter: float, asked: float
) -> None:
    plain = next_step(n, status, jitter=jitter)
    step = next_step(n, status, jitter=jitter, retry_after_seconds=asked)
    assert isinstance(plain, RetryIn)
    assert isinstance(step, RetryIn)
    assert plain.seconds <= step.seconds
    assert step.seconds <= max(BACK_OFF_CAP_SECONDS, RETRY_AFTER_CAP_SECONDS) + JITTER_SECONDS
    assert step.seconds >= min(asked, RETRY_AFTER_CAP_SECONDS)


@given(st.integers(1, 100), st.integers(200, 299))
def test_any_2xx_is_delivered_at_any_attempt(n: int, status: int) -> None:
    assert next_step(n, status, jitter=0) == Delivered()


def test_gone_is_dead_at_once() -> None:
    assert isinstance(next_step(1, 410, jitter=0), Dead)


@given(failures, st.integers(MAX_ATTEMPTS, 100))
def test_the_last_attempt_that_fails_is_dead(status: int | None, n: int) -> None:
    assert isinstance(next_step(n, status, jitter=0), Dead)


@given(st.integers(0, 10**30))
def test_retry_after_in_seconds_is_read_without_overflow(seconds: int) -> None:
    found = parse_retry_after(str(seconds), NOW)
    assert found is not None
    assert min(found, RETRY_AFTER_CAP_SECONDS) == min(seconds, RETRY_AFTER_CAP_SECONDS)


@given(st.integers(-(10**6), 10**6))
def test_retry_after_as_a_date_counts_from_now(seconds: int) -> None:
    header = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert parse_retry_after(header, NOW) == max(0, seconds)


@given(st.text())
def test_a_malformed_retry_after_never_raises(text: str) -> None:
    found = parse_retry_after(text, NOW)
    assert found is None or found >= 0


@pytest.mark.parametrize("header", [None, "", "soon", "-5", "1.5", "²"])
def test_a_retry_after_that_says_nothing_is_left_out(header: str | None) -> None:
    assert parse_retry_after(header, NOW) is None
