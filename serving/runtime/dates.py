"""Parses dates and times from text, exactly.

numpy wraps a date beyond its type's range into another date, and Python's own reader drops
digits after the sixth; both silently.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from serving.runtime.cells import Array, WrongError, each

NANOSECONDS = "datetime64[ns]"
_EXAMPLE = "a date and time such as '2024-05-01T12:00:00'"
_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.([0-9]{1,9})0*)?)?))?"
)
_EPOCH = datetime(1970, 1, 1)
_NS = {
    "W": 7 * 86_400 * 10**9,
    "D": 86_400 * 10**9,
    "h": 3_600 * 10**9,
    "m": 60 * 10**9,
    "s": 10**9,
    "ms": 10**6,
    "us": 10**3,
    "ns": 1,
}


def moments(values: Sequence[object], dtype: str = NANOSECONDS) -> Array:
    """Convert text to `dtype`; null becomes NaT.

    Raises:
        MisfitError: no date and time without zone, or one that `dtype` does not hold exactly.
    """
    unit, count = np.datetime_data(dtype)
    cells = each(values, lambda value: _ticks(value, unit, count, dtype))
    return np.array(cells, dtype=np.int64).view(dtype)


def moment(value: object) -> datetime | None:
    """Convert text to Python's own date and time, which counts microseconds."""
    if value is None:
        return None
    found, nanoseconds = _read(value)
    if nanoseconds % 1000:
        raise WrongError("a date and time of microseconds")
    return found.replace(microsecond=nanoseconds // 1000)


def _read(value: object) -> tuple[datetime, int]:
    """Return the whole second, and the nanoseconds after it."""
    found = _ISO.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise WrongError(_EXAMPLE)
    date, time, fraction = found.groups()
    try:
        second = datetime.fromisoformat(f"{date}T{(time or '00:00').partition('.')[0]}")
    except ValueError:
        raise WrongError(_EXAMPLE) from None
    return second, int((fraction or "0").ljust(9, "0"))


def _ticks(value: object, unit: str, count: int, dtype: str) -> int:
    if value is None:
        return int(np.iinfo(np.int64).min)  # NaT
    second, nanoseconds = _read(value)
    if unit in ("Y", "M"):
        ticks, rest = _months(second, nanoseconds, count * (12 if unit == "Y" else 1))
    elif unit in _NS:
        since = second - _EPOCH
        total = (since.days * 86_400 + since.seconds) * 10**9 + nanoseconds
        ticks, rest = divmod(total, _NS[unit] * count)
    else:
        raise WrongError(f"another type: {dtype} cannot be sent as JSON")
    if rest or not -(2**63) < ticks < 2**63:
        years = " (1677-09-22 to 2262-04-11)" if dtype == NANOSECONDS else ""
        raise WrongError(f"a date and time that {dtype} holds exactly{years}")
    return ticks


def _months(second: datetime, nanoseconds: int, step: int) -> tuple[int, int]:
    ticks, rest = divmod((second.year - 1970) * 12 + second.month - 1, step)
    start_of_month = second.replace(day=1, hour=0, minute=0, second=0)
    return ticks, rest or int(nanoseconds > 0 or second != start_of_month)
