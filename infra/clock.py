"""Reads and writes times. Decisions get the time passed in, so they can be replayed and tested."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current time, timezone-aware, in UTC."""
    return datetime.now(UTC)


def to_millis(at: datetime) -> int:
    """Return milliseconds since the epoch, as MLflow stores times."""
    return int(at.timestamp() * 1000)


def moment(ms: int | None) -> str | None:
    """Return an ISO 8601 time in UTC, or None."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds") if ms else None
