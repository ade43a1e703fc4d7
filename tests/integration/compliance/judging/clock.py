"""A clock that tests set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Now:
    """A clock that is set."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_seconds(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
