"""Decides what follows a delivery attempt: done, give up, or when to try again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_ATTEMPTS = 12
BACK_OFF_CAP_SECONDS = 60.0
JITTER_SECONDS = 1.0
RETRY_AFTER_CAP_SECONDS = 300.0
_GONE = 410


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver accepted the delivery."""


@dataclass(frozen=True, slots=True)
class Dead:
    """No further attempt will be made until somebody asks for one."""

    why: str


@dataclass(frozen=True, slots=True)
class RetryIn:
    """Try again after `seconds`, > 0."""

    seconds: float


Step = Delivered | Dead | RetryIn


def back_off_seconds(attempts: int) -> float:
    """Return the wait after failed attempt number `attempts` (>= 1): 1, 2, 4, ... s, capped.

    Source: urllib3's `Retry(backoff_factor=1, backoff_max=60)`, with which MLflow delivers.
    """
    # The exponent is bounded first: 2.0**1100 would overflow.
    return min(BACK_OFF_CAP_SECONDS, 2.0 ** min(attempts - 1, 10))


def next_step(
    attempts: int,
    status: int | None,
    *,
    jitter: float,
    retry_after_seconds: float | None = None,
) -> Step:
    """Decide what follows an attempt.

    Args:
        attempts: attempts made so far, this one included; >= 1.
        status: the HTTP status, or None when there was no answer.
        jitter: a random number in [0, 1), so that receivers do not see waves.
        retry_after_seconds: what the receiver asked for; honoured up to the cap, and never
            shortens the back-off.
    """
    if status is not None and 200 <= status < 300:
        return Delivered()
    if status == _GONE:
        return Dead("the receiver answered 410 Gone")
    if attempts >= MAX_ATTEMPTS:
        return Dead(f"{attempts} attempts failed")
    asked = min(RETRY_AFTER_CAP_SECONDS, max(0.0, retry_after_seconds or 0.0))
    return RetryIn(max(back_off_seconds(attempts), asked) + jitter * JITTER_SECONDS)


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Read a `Retry-After` header: seconds or an HTTP date (RFC 9110, 10.2.3).

    Returns:
        Seconds from `now`, >= 0; None when the header is missing or malformed.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        # The bound keeps absurd digits from overflowing a float.
        return float(text) if len(text) < 10 else RETRY_AFTER_CAP_SECONDS
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())
