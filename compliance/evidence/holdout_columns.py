"""Converts a holdout's columns to the types that a signature or a binding asks for.

A CSV file and a Parquet file of the same table come out the same. No error quotes a cell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from compliance.errors import EvidenceError
from compliance.evidence import holdout_numbers
from compliance.evidence.holdout_file import Table
from compliance.evidence.holdout_numbers import EXACT_IN_A_FLOAT
from compliance.evidence.holdout_refusals import refuse_cells
from compliance.evidence.holdout_values import (
    as_texts,
    count_missing,
    is_bytes,
    is_text,
    other,
    plain,
    reading,
)

if TYPE_CHECKING:
    import pandas as pd

_YES, _NO = r"^(True|true|TRUE|1(\.0*)?)$", r"^(False|false|FALSE|0(\.0*)?)$"
_A_TYPE_FOR: dict[str, str] = {
    "U": "text",
    "S": "bytes",
    "b": "truth values",
    "f": "numbers",
    "i": "whole numbers",
    "u": "whole numbers",
    "M": "dates and times without a zone",
    "O": "values of any type",
}


def missing(table: Table, column: str) -> int:
    """Count the cells of a column that are empty, or no number in a column of numbers."""
    with reading(table, column, "values"):
        return count_missing(plain(table, column))


def texts(table: Table, column: str) -> NDArray[np.object_]:
    """Return a column as text, missing cells as None.

    Raises:
        EvidenceError: it holds bytes or values with parts, which have many spellings.
    """
    with reading(table, column, "text"):
        written = as_texts(plain(table, column))
        if written is None:
            raise other(table, column, "text")
        found: NDArray[np.object_] = written.to_numpy(zero_copy_only=False).astype(object)
        return found


def numbers(table: Table, column: str) -> NDArray[np.float64]:
    """Return a column as double-precision numbers, missing cells as NaN.

    Raises:
        EvidenceError: a cell holds something else, or would lose digits.
    """
    with reading(table, column, "numbers"):
        return holdout_numbers.floats(table, column, np.dtype(np.float64))


def typed(table: Table, column: str, wanted: np.dtype[Any]) -> pd.Series[Any]:
    """Return a column in a numpy type; text for `str`, bytes for `bytes`.

    Raises:
        EvidenceError: a cell does not fit that type, is out of its range, or is missing
            where the type has no missing value.
    """
    import pandas as pd

    convert: dict[str, Callable[[], Any]] = {
        "U": lambda: pd.Series(texts(table, column), dtype="str"),
        "S": lambda: _bytes(table, column),
        "b": lambda: _truths(table, column),
        "f": lambda: holdout_numbers.floats(table, column, wanted),
        "i": lambda: holdout_numbers.wholes(table, column, wanted),
        "u": lambda: holdout_numbers.wholes(table, column, wanted),
        "M": lambda: _dates(table, column),
        "O": lambda: _objects(table, column),
    }
    if wanted.kind not in convert:
        raise EvidenceError(
            f"{table.called(column)}: expected a type that a holdout can hold, found {wanted} "
            "in the model's signature",
            hint="log the model with numbers, text, truth values, bytes or dates as its inputs",
        )
    with reading(table, column, _A_TYPE_FOR[wanted.kind]):
        return pd.Series(convert[wanted.kind](), name=column)


def stored(table: Table, column: str) -> pd.Series[Any]:
    """Return a column as its Parquet file stores it; for a model that says no types.

    Raises:
        EvidenceError: whole numbers would lose digits beside missing cells.
    """
    import pandas as pd

    with reading(table, column, "values that pandas can hold"):
        values = table.columns[column]
        is_category = pa.types.is_dictionary(values.type)
        found = values if is_category else plain(table, column)
        if pa.types.is_decimal(found.type):
            return pd.Series(numbers(table, column), name=column)
        if pa.types.is_integer(found.type) and found.null_count:
            _refuse_lost_digits(table, column, found)
        series: pd.Series[Any] = found.to_pandas()
        return series.rename(column)


def _refuse_lost_digits(table: Table, column: str, values: Any) -> None:
    least, most = pc.min_max(values).as_py().values()
    if least is not None and max(-least, most) > EXACT_IN_A_FLOAT:
        raise EvidenceError(
            f"{table.called(column)}: expected whole numbers up to {EXACT_IN_A_FLOAT} beside "
            "missing cells, found larger ones, which would lose digits",
            hint="store them as text, or leave rows without one out",
        )


def _objects(table: Table, column: str) -> Any:
    if table.is_text:
        raise EvidenceError(
            f"{table.called(column)}: expected a file that knows types, as the model takes "
            "objects of any, found a CSV file, which says none",
            hint="pin a Parquet holdout: acgs evidence add ... --replace",
        )
    return stored(table, column).astype(object)


def _bytes(table: Table, column: str) -> NDArray[np.object_]:
    values = plain(table, column)
    if not is_bytes(values):
        raise other(table, column, "bytes")
    found = np.empty(len(values), dtype=object)
    found[:] = values.to_pylist()
    return found


def _truths(table: Table, column: str) -> NDArray[Any]:
    values = plain(table, column)
    if holdout_numbers.is_number(values):
        values = as_texts(values)
    if is_text(values):
        text = pc.utf8_trim_whitespace(values)
        yes, no = (pc.match_substring_regex(text, pattern) for pattern in (_YES, _NO))
        expected = "truth values (True, False, 1, 0)"
        refuse_cells(table.called(column), expected, pc.or_(yes, no), values)
        values = yes
    if not pa.types.is_boolean(values.type):
        raise other(table, column, "truth values")
    found: NDArray[Any] = values.to_numpy(zero_copy_only=False)
    # MLflow takes a missing truth value only beside plain objects.
    return found.astype(object) if values.null_count else found.astype(bool)


def _dates(table: Table, column: str) -> NDArray[Any]:
    values = plain(table, column)
    of = values.type
    moments = pa.types.is_timestamp(of) and of.tz is None
    if not (is_text(values) or pa.types.is_date(of) or moments):
        raise other(table, column, "dates and times without a zone")
    try:
        text = pc.utf8_trim_whitespace(values) if is_text(values) else values
        found: NDArray[Any] = pc.cast(text, pa.timestamp("ns")).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        raise EvidenceError(
            f"{table.called(column)}: expected dates and times such as 2020-01-31 12:00:00, "
            "without a zone, from 1678 to 2262, found others",
            hint="correct that column of the holdout: acgs evidence add ... --replace",
        ) from None
    return found
