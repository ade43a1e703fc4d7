"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from registry.lineage.domain.moment import MomentError, parse_moment

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "hour", "second"),
    [
        ("2026-11-24T12:00Z", 12, 0),
        ("2026-11-24t12:00z", 12, 0),
        ("2026-11-24T12:00:30Z", 12, 30),
        ("2026-11-24T12:00:30.250+00:00", 12, 30),
        ("2026-11-24T12:00+02:00", 10, 0),
        ("2026-11-24T12:00-05:30", 17, 0),
    ],
)
def test_a_time_with_its_zone_is_read(text: str, hour: int, second: int) -> None:
    found = parse_moment(text, NOW)
    assert (found.tzinfo, found.day, found.hour, found.second) == (UTC, 24, hour, second)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-11-24T12:00", "with its zone"),
        ("2026-11-24", "with its zone"),
        ("noon", "with its zone"),
        ("20261124T1200Z", "with its zone"),
        ("2026-W48-2T12:00Z", "with its zone"),
        ("2026-11-24 12:00Z", "with its zone"),
        ("", "with its zone"),
        ("2026-02-30T12:00Z", "that exists"),
        ("2026-11-24T25:00Z", "that exists"),
        ("0001-01-01T00:00+14:00", "that exists"),
        ("2026-11-25T00:00:01Z", "up to now"),
    ],
)
def test_anything_else_is_refused_with_an_example_or_a_reason(text: str, words: str) -> None:
    with pytest.raises(MomentError, match=words):
        parse_moment(text, NOW)
