"""Gives a holdout's columns the types that a signature or a binding asks for, or says why not.

A CSV file and a Parquet file of the same table come out the same. No error quotes a cell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from compliance.adapters.holdout_file import Table
from compliance.errors import EvidenceError

if TYPE_CHECKING:
    import pandas as pd

EXACT_IN_A_FLOAT = 2**53
"""Whole numbers up to this one keep their digits in 64 binary digits of a float."""
_WHOLE = r"^[+-]?[0-9]{1,400}$"
_NUMBER = r"(?i)^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,6})?$|^[+-]?(inf|infinity|nan)$"
_INFINITE = r"(?i)^[+-]?inf(inity)?$"
_YES, _NO = ("True", "true", "TRUE", "1"), ("False", "false", "FALSE", "0")


def missing(table: Table, column: str) -> int:
    """Count the cells of a column that are empty, or no number in a column of numbers."""
    values = _plain(table, column)
    nan_too = pa.types.is_floating(values.type)
    return int(pc.sum(pc.is_null(values, nan_is_null=nan_too)).as_py())


def kind(table: Table, column: str) -> str:
    """Name the type that a column is stored with."""
    return "text" if table.is_text else str(table.columns[column].type)


def texts(table: Table, column: str) -> NDArray[np.object_]:
    """Return a column as text, missing cells as None.

    Raises:
        EvidenceError: it holds dates, bytes or values with parts, which have many spellings.
    """
    values = _plain(table, column)
    kind_of = values.type
    if pa.types.is_boolean(kind_of):
        values = pc.if_else(values, "True", "False")
    elif pa.types.is_floating(kind_of):
        cells = [None if v is None or v != v else repr(v) for v in values.to_pylist()]
        values = pa.array(cells, pa.string())
    elif pa.types.is_integer(kind_of) or pa.types.is_decimal(kind_of):
        values = values.cast(pa.string())
    elif not _is_text(kind_of):
        raise _other(column, "text", kind(table, column))
    found: NDArray[np.object_] = values.to_numpy(zero_copy_only=False).astype(object)
    return found


def numbers(table: Table, column: str) -> NDArray[np.float64]:
    """Return a column as double-precision numbers, missing cells as NaN.

    Raises:
        EvidenceError: a cell holds something else.
    """
    return _floats(table, column, np.dtype(np.float64))


def typed(table: Table, column: str, wanted: np.dtype[Any]) -> pd.Series[Any]:
    """Return a column in a numpy type; text for `str`, bytes for `bytes`.

    Raises:
        EvidenceError: a cell cannot be meant as that type, is out of its range, or is missing
            where the type has no missing value.
    """
    import pandas as pd

    convert: dict[str, Callable[[], Any]] = {
        "U": lambda: _text_series(table, column),
        "S": lambda: _bytes(table, column),
        "b": lambda: _truths(table, column),
        "f": lambda: _floats(table, column, wanted),
        "i": lambda: _wholes(table, column, wanted),
        "u": lambda: _wholes(table, column, wanted),
        "M": lambda: _dates(table, column),
    }
    if wanted.kind not in convert:
        raise EvidenceError(f"column {column}: the type {wanted} cannot be made from a holdout")
    return pd.Series(convert[wanted.kind](), name=column)


def stored(table: Table, column: str) -> pd.Series[Any]:
    """Return a column as its Parquet file stores it; for a model that says no types.

    Raises:
        EvidenceError: whole numbers would lose digits beside missing cells.
    """
    values = table.columns[column]
    if pa.types.is_integer(values.type) and values.null_count:
        least, most = pc.min_max(values).as_py().values()
        if least is not None and max(-least, most) > EXACT_IN_A_FLOAT:
            raise EvidenceError(
                f"column {column}: expected whole numbers up to {EXACT_IN_A_FLOAT} beside missing "
                "cells, found larger ones, which would lose digits",
                hint="store them as text, or leave rows without one out",
            )
    found: pd.Series[Any] = values.to_pandas()
    return found.rename(column)


def _plain(table: Table, column: str) -> Any:
    """Return a column as one array, categories as their values."""
    values = table.columns[column]
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_null(values.type):
        values = values.cast(pa.string())
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _is_text(kind_of: Any) -> bool:
    return bool(
        pa.types.is_string(kind_of)
        or pa.types.is_large_string(kind_of)
        or pa.types.is_string_view(kind_of)
    )


def _text_series(table: Table, column: str) -> Any:
    import pandas as pd

    return pd.Series(texts(table, column), dtype="str")


def _bytes(table: Table, column: str) -> NDArray[np.object_]:
    values = _plain(table, column)
    if not (pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type)):
        raise _other(column, "bytes", kind(table, column))
    found = np.empty(len(values), dtype=object)
    found[:] = values.to_pylist()
    return found


def _truths(table: Table, column: str) -> NDArray[Any]:
    values = _plain(table, column)
    if pa.types.is_integer(values.type):
        values = values.cast(pa.string())
    if _is_text(values.type):
        text = pc.utf8_trim_whitespace(values)
        yes = pc.is_in(text, value_set=pa.array(_YES, text.type))
        no = pc.is_in(text, value_set=pa.array(_NO, text.type))
        _refuse_cells(column, "truth values (True, False, 1, 0)", pc.or_(yes, no), values)
        values = pc.if_else(pc.is_null(values), None, yes)
    if not pa.types.is_boolean(values.type):
        raise _other(column, "truth values", kind(table, column))
    found: NDArray[Any] = values.to_numpy(zero_copy_only=False)
    # MLflow takes a missing truth value only beside plain objects.
    return found.astype(object) if values.null_count else found.astype(bool)


def _floats(table: Table, column: str, wanted: np.dtype[Any]) -> NDArray[Any]:
    values = _plain(table, column)
    if _is_text(values.type):
        text = pc.utf8_trim_whitespace(values)
        _refuse_cells(column, "numbers", pc.match_substring_regex(text, _NUMBER), values)
        infinite = pc.match_substring_regex(text, _INFINITE)
        values = pc.cast(pc.utf8_ltrim(text, "+"), pa.float64())
        beyond = pc.and_(pc.is_inf(values), pc.invert(infinite))
        _refuse_cells(column, "numbers within double precision", pc.invert(beyond), values)
    elif not _is_number(values.type):
        raise _other(column, "numbers", kind(table, column))
    doubles = pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):
        found: NDArray[Any] = np.asarray(doubles, dtype=np.float64).astype(wanted)
    beyond_count = int(np.sum(np.isinf(found) & ~np.isinf(doubles)))
    if beyond_count:
        raise _cells(column, f"numbers within {wanted}", beyond_count)
    return found


def _is_number(kind_of: Any) -> bool:
    return bool(
        pa.types.is_integer(kind_of)
        or pa.types.is_floating(kind_of)
        or pa.types.is_decimal(kind_of)
    )


def _wholes(table: Table, column: str, wanted: np.dtype[Any]) -> NDArray[Any]:
    absent = missing(table, column)
    if absent:
        raise EvidenceError(
            f"column {column}: expected a whole number ({wanted}) in every row, found {absent} "
            f"missing, which {wanted} cannot hold",
            hint="log the model with double for that column in its signature, as MLflow advises, "
            "or leave those rows out of the holdout",
        )
    values = _plain(table, column)
    expected = f"whole numbers within {wanted}"
    if _is_text(values.type):
        values = pc.utf8_trim_whitespace(values)
        if pc.all(pc.match_substring_regex(values, _WHOLE)).as_py():
            return _within(column, values.to_pylist(), wanted)
    if not (_is_text(values.type) or _is_number(values.type)):
        raise _other(column, expected, kind(table, column))
    if pa.types.is_integer(values.type):
        return _within(column, values.to_numpy(zero_copy_only=False), wanted)
    doubles = _floats(table, column, np.dtype(np.float64))
    whole = np.isfinite(doubles) & (np.rint(doubles) == doubles)
    whole &= np.abs(doubles) <= EXACT_IN_A_FLOAT
    if not whole.all():
        raise _cells(column, expected, int(np.sum(~whole)))
    return _within(column, doubles.astype(np.int64), wanted)


def _within(column: str, values: Any, wanted: np.dtype[Any]) -> NDArray[Any]:
    limits = np.iinfo(wanted)
    wide = np.array([int(v) for v in values], dtype=object) if isinstance(values, list) else values
    outside = int(np.sum((wide < int(limits.min)) | (wide > int(limits.max))))
    if outside:
        raise _cells(column, f"whole numbers within {wanted}", outside)
    found: NDArray[Any] = wide.astype(wanted)
    return found


def _dates(table: Table, column: str) -> NDArray[Any]:
    values = _plain(table, column)
    kind_of = values.type
    moments = pa.types.is_timestamp(kind_of) and kind_of.tz is None
    if not (_is_text(kind_of) or pa.types.is_date(kind_of) or moments):
        raise _other(column, "dates and times without a zone", kind(table, column))
    try:
        text = pc.utf8_trim_whitespace(values) if _is_text(kind_of) else values
        found: NDArray[Any] = pc.cast(text, pa.timestamp("ns")).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        raise EvidenceError(
            f"column {column}: expected dates and times such as 2020-01-31 12:00:00, without a "
            "zone, from 1678 to 2262, found others",
            hint="correct that column of the holdout: acgs evidence add ... --replace",
        ) from None
    return found


def _refuse_cells(column: str, expected: str, fine: Any, values: Any) -> None:
    bad = int(pc.sum(pc.and_(pc.is_valid(values), pc.invert(pc.fill_null(fine, False)))).as_py())
    if bad:
        raise _cells(column, expected, bad)


def _cells(column: str, expected: str, count: int) -> EvidenceError:
    cells = "1 cell that is not" if count == 1 else f"{count} cells that are not"
    return EvidenceError(
        f"column {column}: expected {expected}, found {cells}",
        hint="correct that column of the holdout (a missing value is an empty cell), "
        "or the model's signature",
    )


def _other(column: str, expected: str, found: str) -> EvidenceError:
    return EvidenceError(
        f"column {column}: expected {expected}, found {found}",
        hint="store that column of the holdout as the model's signature says",
    )
