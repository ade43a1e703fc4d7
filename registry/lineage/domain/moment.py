"""Reads a point in time strictly, with its zone, so that nobody has to guess."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from infra.errors import UsageError

_FORM = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:\d\d)")
EXAMPLE = "2026-11-24T12:00Z"


class MomentError(UsageError):
    """A time is not written as RFC 3339 requires, or lies in the future."""

    code = "lineage.time_invalid"


def parse_moment(text: str, now: datetime) -> datetime:
    """Read a date, time of day and zone (RFC 3339; seconds may be left out).

    Returns:
        The moment in UTC.

    Raises:
        MomentError: a part is missing or impossible, or the moment lies after `now`.
    """
    written = text.strip()
    if not _FORM.fullmatch(written):
        raise MomentError(
            f"expected a time as {EXAMPLE}, with its zone, found {text[:60]!r}",
            hint="Z is UTC; +01:00 is an hour ahead of it; now is spelt by leaving the time out",
        )
    try:
        moment = datetime.fromisoformat(written.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as err:
        raise MomentError(f"expected a time that exists, found {text[:60]!r}: {err}") from err
    if moment > now:
        raise MomentError(
            f"expected a time up to now, {now.isoformat(timespec='seconds')}, found {text[:60]!r}",
            hint="what will serve is not known",
        )
    return moment
