"""Classes and groups as text: which values are one class, and which names may be shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

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
_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Coded:
    """Columns of classes as positions in one sorted list.

    Attributes:
        texts: every class.
        codes: one array per column that was given.
    """

    texts: tuple[str, ...]
    codes: tuple[NDArray[np.float64], ...]


def code(columns: Sequence[NDArray[np.object_]]) -> Coded:
    """Number the classes of some columns of text."""
    import pandas as pd

    codes, texts = pd.factorize(np.concatenate(columns), sort=True)
    ends = np.cumsum([len(column) for column in columns])[:-1]
    parts = np.split(codes.astype(np.float64), ends)
    return Coded(tuple(str(text) for text in texts), tuple(parts))


def as_texts(
    values: NDArray[np.generic] | NDArray[np.object_] | Sequence[str],
) -> NDArray[np.object_]:
    """Write classes as text, so that 1, 1.0, True, "1", "1.0" and "True" are one class.

    Text that only resembles a number, such as "01" or "1e5", stays as it is.
    """
    import pandas as pd

    column = np.asarray(values, dtype=object) if isinstance(values, list) else np.asarray(values)
    positions, distinct = pd.factorize(column, use_na_sentinel=False)
    texts = np.empty(len(distinct), dtype=object)
    texts[:] = [as_text(value) for value in distinct.tolist()]
    found: NDArray[np.object_] = texts[positions]
    return found


def as_text(value: object) -> str:
    """Write one class; see `as_texts`."""
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
