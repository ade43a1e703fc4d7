"""How a moment is named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from registry.dossier.errors import TimeInvalidError
from registry.dossier.operations import parse_moment

NOW = datetime(2026, 3, 3, 12, 30, tzinfo=UTC)
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    ["2026-03-03T12:00", "2026-03-03T12:00Z", "2026-03-03T13:00+01:00", " 2026-03-03 12:00 "],
)
def test_a_time_without_a_zone_is_in_utc(written: str) -> None:
    assert parse_moment(written, NOW) == NOON


def test_no_time_is_now() -> None:
    assert parse_moment("", NOW) == NOW


@pytest.mark.parametrize(
    "written", ["yesterday", "2026-02-30", "2026-03-03T12:31", "99999-01-01", "12:00"]
)
def test_what_is_no_time_or_lies_ahead_is_refused(written: str) -> None:
    with pytest.raises(TimeInvalidError, match="expected a time"):
        parse_moment(written, NOW)
