"""Writes classes and groups as text: which values are one class, which names may be shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

MIN_SHOWN_ROWS = 10
"""A class or group of fewer holdout rows is not named: its name could tell of single people.

Source: the least cell size of ten in statistical disclosure control, e.g. Hundepool et al.
(2012), Statistical Disclosure Control, section 5.
"""
MAX_SHOWN_CHARACTERS = 64
UNNAMED = "(unnamed)"
_TRUTH = {"true": "1", "false": "0"}
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-][0-9]{1,6})?")
"""Numbers as machines write them: 01, +1 and 1e5 are codes that only resemble one."""
_MOMENT = re.compile(
    r"(?:([0-9]{4,6}-[0-9]{2}-[0-9]{2}) )?([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_MOST_DIGITS, _LEAST_PLACES = 400, 20
_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Coded:
    """Columns of classes, coded as positions in one sorted list.

    Attributes:
        texts: every class.
        codes: one array per column that was given.
        by_value: whether texts that spell one number or moment are one class.
    """

    texts: tuple[str, ...]
    codes: tuple[NDArray[np.float64], ...]
    by_value: bool

    def find(self, name: str) -> int | None:
        """Return the position of the class with this text."""
        text = as_text(name)
        wanted = _value(text) if self.by_value else text
        return self.texts.index(wanted) if wanted in self.texts else None


def code(columns: Sequence[NDArray[np.object_]]) -> Coded:
    """Number the classes of some columns of text.

    Numbers and moments are one class however they are spelled ("1.00" and "1"), unless one of the
    columns tells two spellings apart, as one of versions does ("1.1" and "1.10").
    """
    import pandas as pd

    positions, texts = pd.factorize(np.concatenate(columns))
    spelled = np.array([str(text) for text in texts], dtype=object)
    values = np.array([_value(text) for text in spelled], dtype=object)
    ends = np.cumsum([len(column) for column in columns])[:-1]
    own = [pd.unique(part) for part in np.split(positions, ends)]
    by_value = all(len(set(values[part])) == len(part) for part in own)
    order, names = pd.factorize(values if by_value else spelled, sort=True)
    parts = np.split(order[positions].astype(np.float64), ends)
    return Coded(tuple(str(name) for name in names), tuple(parts), by_value)


def same_texts(column: NDArray[np.object_]) -> NDArray[np.str_]:
    """Return a column's classes, with one text for each."""
    coded = code([as_texts(column)])
    found: NDArray[np.str_] = np.array(coded.texts, dtype=str)[coded.codes[0].astype(np.int64)]
    return found


def _value(text: str) -> str:
    """Return one text for all that spell the same number or moment; other texts as they are."""
    if _NUMBER.fullmatch(text):
        return _number(Decimal(text))
    moment = _MOMENT.fullmatch(text)
    if moment is None:
        return text
    date, time, fraction, zone = moment.groups(default="")
    fraction = fraction.rstrip("0").rstrip(".")
    zone = "+00:00" if zone == "Z" else zone
    if zone and ":" not in zone:
        zone = f"{zone[:3]}:{zone[3:]}"
    if date and time == "00:00:00" and not (fraction or zone):
        return date
    return f"{date} {time}{fraction}{zone}".lstrip()


def _number(number: Decimal) -> str:
    if -_LEAST_PLACES < number.adjusted() < _MOST_DIGITS:
        text = f"{number:f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text
    sign, digits, exponent = number.as_tuple()
    kept = "".join(map(str, digits)).rstrip("0")
    dropped = len(digits) - len(kept)
    return f"{'-' if sign else ''}{kept}e{int(exponent) + dropped}" if kept else "0"


def as_texts(
    values: NDArray[np.generic] | NDArray[np.object_] | Sequence[str],
) -> NDArray[np.object_]:
    """Return classes as text, so that 1, 1.0, True, "1", "1.0" and "True" are one class.

    Text that only resembles a number, such as "01" or "1e5", stays as it is.
    """
    import pandas as pd

    column = np.asarray(values, dtype=object) if isinstance(values, list) else np.asarray(values)
    positions, distinct = pd.factorize(column, use_na_sentinel=False)
    texts = np.empty(len(distinct), dtype=object)
    # As a narrow float, 0.1 has the text "0.1"; as Python's, seventeen digits.
    narrow = column.dtype.kind == "f" and column.dtype.itemsize < 8
    texts[:] = [
        as_text(str(v) if narrow else v) for v in (distinct if narrow else distinct.tolist())
    ]
    found: NDArray[np.object_] = texts[positions]
    return found


def as_text(value: object) -> str:
    """Return one class as text; see `as_texts`."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    text = str(value)
    if text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    return _read(text)


def _read(text: str) -> str:
    """Return text that spells a whole number as Python does, as that number."""
    if _WHOLE.fullmatch(text):
        return "0" if text == "-0" else text
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() and repr(number) == text else text


def shown(name: str, rows: int) -> str:
    """Return a class's or group's name as a report may show it."""
    if rows < MIN_SHOWN_ROWS:
        return UNNAMED
    text = "".join(char if char.isprintable() else "?" for char in name)
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[:MAX_SHOWN_CHARACTERS] + "…"
