"""One column of JSON values into one array of the type that the signature declares.

JSON knows one kind of number and protobuf clients send every number as a double, so a whole
number is accepted for an integer column however it was written. Text is never a number and a
boolean never is one either. null becomes the column's missing value and is left to the model.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt

from serving.runtime.problem import bad_request, kind_of
from serving.runtime.signature import Column, ColumnType

Array = npt.NDArray[np.generic]

_EXPECTED = {
    ColumnType.BOOLEAN: "true or false",
    ColumnType.INTEGER: "a whole number of 32 bits",
    ColumnType.LONG: "a whole number of 64 bits",
    ColumnType.FLOAT: "a number",
    ColumnType.DOUBLE: "a number",
    ColumnType.STRING: "a string",
    ColumnType.BINARY: "a base64 string",
    ColumnType.DATETIME: "a date and time such as '2024-05-01T12:00:00'",
}


def to_array(column: Column, values: Sequence[object]) -> Array | list[object]:
    """Convert `values` to the array that the model expects for `column`.

    Returns:
        An array; or the values as a list where pandas shall choose the type (text, nested).

    Raises:
        ProblemError: 400, naming the first row that does not fit, what was expected and found.
    """
    match column.type:
        case ColumnType.DOUBLE | ColumnType.FLOAT:
            cells = _each(column, values, _number)
            return np.array(cells, dtype=column.type.numpy_name)
        case ColumnType.LONG | ColumnType.INTEGER:
            limit = 2**31 if column.type is ColumnType.INTEGER else 2**63
            cells = _each(column, values, lambda value: _whole(value, limit))
            missing = any(cell is None or cell != cell for cell in cells)
            return np.array(cells, dtype="float64" if missing else column.type.numpy_name)
        case ColumnType.BOOLEAN:
            cells = _each(column, values, _boolean)
            return np.array(cells, dtype=object if None in cells else bool)
        case ColumnType.STRING:
            return _each(column, values, _text)
        case ColumnType.BINARY:
            return np.array(_each(column, values, _bytes), dtype=object)
        case ColumnType.DATETIME:
            return np.array(_each(column, values, _moment), dtype="datetime64[ns]")
        case ColumnType.OTHER:
            return list(values)


def _each(
    column: Column, values: Sequence[object], convert: Callable[[object], object]
) -> list[object]:
    cells: list[object] = []
    for row, value in enumerate(values):
        try:
            cells.append(None if value is None else convert(value))
        except (TypeError, ValueError, OverflowError):
            raise bad_request(
                f"row {row}, column {column.name!r}: expected {_EXPECTED[column.type]} "
                f"({column.type}), found {kind_of(value)}"
            ) from None
    return cells


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    found = float(value)
    if math.isinf(found):
        raise ValueError
    return found


def _whole(value: object, limit: int) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    if isinstance(value, float) and math.isnan(value):
        return value
    whole = int(value)
    if whole != value or not -limit <= whole < limit:
        raise ValueError
    return whole


def _boolean(value: object) -> bool:
    # V2 clients and protobuf write booleans as 0 and 1.
    if isinstance(value, bool | int | float) and value in (0, 1):
        return bool(value)
    raise TypeError


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _bytes(value: object) -> bytes:
    if not isinstance(value, str):
        raise TypeError
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ValueError from None


def _moment(value: object) -> np.datetime64:
    if not isinstance(value, str):
        raise TypeError
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is not None:
        raise ValueError  # MLflow's datetime columns are without time zone
    return np.datetime64(moment, "ns")
