"""Converts a holdout's columns to numbers that keep their digits."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from compliance.errors import EvidenceError
from compliance.evidence.holdout_file import Table
from compliance.evidence.holdout_refusals import cells, refuse_cells
from compliance.evidence.holdout_values import as_texts, count_missing, is_text, other, plain

EXACT_IN_A_FLOAT = 2**53
"""Whole numbers up to this one keep their digits in 64 binary digits of a float.

One that comes out of a float is known only below it: 2**53 + 1 becomes 2**53 as well.
"""
_WHOLE = r"^[+-]?[0-9]{1,400}$"
_WHOLE_OR_POINT_ZERO = r"^[+-]?[0-9]{1,400}(\.0*)?$"
_NUMBER = r"(?i)^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,6})?$|^[+-]?(inf|infinity|nan)$"
_INFINITE = r"(?i)^[+-]?inf(inity)?$"
_MOST_DIGITS = 20


def is_number(values: Any) -> bool:
    """Whether plain values are numbers."""
    kinds = pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal
    return any(is_kind(values.type) for is_kind in kinds)


def floats(table: Table, column: str, wanted: np.dtype[Any]) -> NDArray[Any]:
    """Return a column in a type of floats, missing cells as NaN.

    Raises:
        EvidenceError: a cell is no number, is out of the type's range, or is a whole number that
            the type would change.
    """
    values = plain(table, column)
    called = table.called(column)
    if pa.types.is_floating(values.type) and values.type.to_pandas_dtype() == wanted.type:
        return np.asarray(values.to_numpy(zero_copy_only=False), dtype=wanted)
    if pa.types.is_float64(values.type):
        return _narrowed(called, values.to_numpy(zero_copy_only=False), wanted)
    if not (is_text(values) or is_number(values)):
        raise other(table, column, "numbers")
    text = pc.utf8_trim_whitespace(_written(values))
    refuse_cells(called, "numbers", pc.match_substring_regex(text, _NUMBER), text)
    found = pc.cast(pc.utf8_ltrim(text, "+"), pa.float64())
    beyond = pc.and_(pc.is_inf(found), pc.invert(pc.match_substring_regex(text, _INFINITE)))
    refuse_cells(called, "numbers within double precision", pc.invert(beyond), text)
    doubles = np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.float64)
    _refuse_lost_digits(called, text, doubles, np.dtype(np.float64))
    if wanted != np.float64:
        _refuse_lost_digits(called, text, doubles, wanted)
    return _narrowed(called, doubles, wanted)


def _written(values: Any) -> Any:
    # Arrow's spelling of a float32 is as short as pandas', and a hundred times as fast.
    return values.cast(pa.string()) if pa.types.is_float32(values.type) else as_texts(values)


def _narrowed(called: str, doubles: NDArray[np.float64], wanted: np.dtype[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        found: NDArray[Any] = doubles.astype(wanted)
    beyond = int(np.sum(np.isinf(found) & ~np.isinf(doubles)))
    if beyond:
        raise cells(called, f"numbers within {wanted}", beyond)
    return found


def _refuse_lost_digits(
    called: str, text: Any, doubles: NDArray[np.float64], wanted: np.dtype[Any]
) -> None:
    """Refuse whole numbers that a type would change; fractions are rounded by their nature."""
    # The limit itself may have been the next whole number before.
    large = np.abs(doubles) >= 2.0 ** (np.finfo(wanted).nmant + 1)
    if not large.any():
        return
    # A double that is narrowed may be whole by chance: a CSV file writes it with ".0".
    pattern = _WHOLE_OR_POINT_ZERO if wanted == np.float64 else _WHOLE
    whole = pc.and_(pc.match_substring_regex(text, pattern), pa.array(large))
    counted = pc.value_counts(text.filter(whole)).to_pylist()
    lost = sum(one["counts"] for one in counted if not _keeps_digits(one["values"], wanted))
    if lost:
        raise cells(called, f"whole numbers that keep their digits as {wanted}", lost)


def _keeps_digits(text: str, wanted: np.dtype[Any]) -> bool:
    with np.errstate(over="ignore"):
        found = wanted.type(float(text))
    if not np.isfinite(found):
        return True  # refused as out of range
    return Decimal(text) in (Decimal(float(found)), Decimal(str(found)))


def wholes(table: Table, column: str, wanted: np.dtype[Any]) -> NDArray[Any]:
    """Return a column in a type of whole numbers, every digit kept.

    Raises:
        EvidenceError: a cell is missing, is no whole number, is out of the type's range, or comes
            from a float too large to tell whole numbers apart.
    """
    values = plain(table, column)
    absent = count_missing(values)
    if absent:
        raise EvidenceError(
            f"{table.called(column)}: expected a whole number ({wanted}) in every row, found "
            f"{absent} missing, which {wanted} cannot hold",
            hint="log the model with double for that column in its signature, as MLflow advises, "
            "or leave those rows out of the holdout",
        )
    called = table.called(column)
    expected = f"whole numbers within {wanted}"
    if not (is_text(values) or is_number(values)):
        raise other(table, column, expected)
    if pa.types.is_integer(values.type):
        return _within(called, values.to_numpy(zero_copy_only=False), wanted)
    if pa.types.is_floating(values.type):
        doubles = floats(table, column, np.dtype(np.float64))
        whole = np.isfinite(doubles) & (np.rint(doubles) == doubles)
        whole &= np.abs(doubles) < EXACT_IN_A_FLOAT
        if not whole.all():
            raise cells(called, expected, int(np.sum(~whole)))
        return _within(called, doubles.astype(np.int64), wanted)
    coded = pc.utf8_trim_whitespace(as_texts(values)).dictionary_encode()
    distinct = np.array([_exact(text) for text in coded.dictionary.to_pylist()], dtype=object)
    exact = distinct[coded.indices.to_numpy()]
    bad = sum(value is None for value in exact)
    if bad:
        raise cells(called, expected, bad)
    return _within(called, exact, wanted)


def _exact(text: str) -> int | None:
    """Return the whole number that a text means, or None.

    A large one must be written without point and exponent, as no float is.
    """
    if re.fullmatch(_WHOLE, text):
        return int(text)
    if not re.fullmatch(_NUMBER, text):
        return None
    number = Decimal(text)
    if not number.is_finite() or number.adjusted() > _MOST_DIGITS:
        return None
    is_known = number == int(number) and abs(number) < EXACT_IN_A_FLOAT
    return int(number) if is_known else None


def _within(called: str, values: NDArray[Any], wanted: np.dtype[Any]) -> NDArray[Any]:
    limits = np.iinfo(wanted)
    outside = int(np.sum((values < int(limits.min)) | (values > int(limits.max))))
    if outside:
        raise cells(called, f"whole numbers within {wanted}", outside)
    found: NDArray[Any] = values.astype(wanted)
    return found
