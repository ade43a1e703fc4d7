"""Converts a model's answers to JSON values, each exactly or not at all."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from datetime import date, time
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd

from serving.runtime.cells import Array
from serving.runtime.problem import model_failed

NUMPY_TO_V2 = {
    "bool": "BOOL",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
}
Values = Array | pd.api.extensions.ExtensionArray
"""What a series can be backed by."""

_DURATION_UNITS = ("W", "D", "h", "m", "s", "ms", "us", "ns")
_INT64 = range(-(2**63), 2**63)
_UINT64 = range(2**64)


def plain_cells(values: Values) -> tuple[str | None, list[object]]:
    """Return an array's values, row by row, with the V2 datatype that its type stands for.

    Missing values (NaN, NaT, NA, None) become None. The datatype is None where the type does not
    tell: an array of Python's own objects.

    Raises:
        ProblemError: 500, JSON has no such value.
    """
    if isinstance(values, np.ma.MaskedArray):
        datatype, known = _numpy_cells(np.asarray(values.compressed()))
        there = iter(known)
        masked = np.ma.getmaskarray(values).ravel().tolist()
        return datatype, [None if hidden else next(there) for hidden in masked]
    if isinstance(values, np.ndarray):
        # Subclasses differ: a matrix stays two-dimensional when it is raveled.
        return _numpy_cells(np.asarray(values))
    if isinstance(values, pd.Categorical):
        datatype, known = plain_cells(values.categories.array)
        return datatype, [None if code < 0 else known[code] for code in values.codes.tolist()]
    numpy_dtype = getattr(values.dtype, "numpy_dtype", None)
    datatype = NUMPY_TO_V2.get(getattr(numpy_dtype, "name", ""))
    if isinstance(values.dtype, pd.StringDtype):
        datatype = "BYTES"
    return datatype, [plain(value) for value in values.astype(object)]


def _numpy_cells(array: Array) -> tuple[str | None, list[object]]:
    datatype = NUMPY_TO_V2.get(array.dtype.name)
    if datatype is not None:
        flat: list[object] = array.ravel().tolist()
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            flat = [plain(value) for value in flat]
        return datatype, flat
    if array.dtype.kind in "mM":
        return "BYTES", [_time(value) for value in array.ravel()]
    if array.dtype.kind in "US":
        return "BYTES", [plain(value) for value in array.ravel().tolist()]
    if array.dtype.kind == "O":
        return None, [plain(value) for value in array.ravel().tolist()]
    raise model_failed(f"the model answered with {array.dtype.name}, which JSON cannot carry")


def _time(value: object) -> object:
    if not isinstance(value, np.datetime64 | np.timedelta64):
        raise TypeError(value)
    if np.isnat(value):
        return None
    if isinstance(value, np.datetime64):
        text = str(np.datetime_as_string(value))
        return text.rstrip("0").rstrip(".") if "." in text else text
    if np.datetime_data(value.dtype)[0] not in _DURATION_UNITS:
        raise model_failed(f"the model answered with {value.dtype}, which JSON cannot carry")
    return str(pd.Timedelta(value).isoformat())


def plain(value: object) -> object:
    """Convert one value, and the values in it, to JSON's own types.

    Raises:
        ProblemError: 500, JSON has no such value.
    """
    if value is None or (isinstance(value, str | bool | int) and not isinstance(value, np.generic)):
        return value
    if isinstance(value, float):
        if math.isinf(value):
            raise model_failed(f"the model answered with {value}, which JSON cannot carry")
        return None if value != value else float(value)
    match value:
        case dict():
            return _object(value)
        case list() | tuple():
            return [plain(item) for item in value]
        case bytes() | bytearray():
            return base64.b64encode(value).decode()
        case pd.DataFrame():
            return [[plain(cell) for cell in row] for row in zip(*columns(value), strict=True)]
        case pd.Series() | pd.Index():
            return plain_cells(value.array)[1]
        case np.ndarray():
            return _nested(value)
        case np.datetime64() | np.timedelta64():
            return _time(value)
        case np.generic():
            return plain_cells(np.asarray(value))[1][0]
        case _ if value is pd.NaT or value is pd.NA:
            return None
        case pd.Timedelta():
            return str(value.isoformat())
        case date() | time():
            return value.isoformat()
        case Decimal() if value.is_nan():
            return None
        case Decimal() if value.is_infinite():
            raise model_failed(f"the model answered with {value}, which JSON cannot carry")
        case Decimal() | UUID() | pd.Period() | pd.Interval():
            return str(value)
        case _:
            raise model_failed(
                f"the model answered with a {type(value).__name__}, which JSON cannot carry"
            )


def columns(table: pd.DataFrame) -> Iterable[list[object]]:
    """Yield a table's columns in JSON's own types, each value exactly."""
    for index in range(table.shape[1]):
        yield plain_cells(series_values(table.iloc[:, index]))[1]


def series_values(series: pd.Series) -> Values:
    """Return what a series holds: numpy's array where it is one, else pandas' own."""
    if isinstance(series.dtype, np.dtype):
        return np.asarray(series.to_numpy())
    values: pd.api.extensions.ExtensionArray = series.array
    return values


def _object(value: dict[object, object]) -> dict[str, object]:
    found = {str(name): plain(item) for name, item in value.items()}
    if len(found) != len(value):
        raise model_failed("the model answered with an object whose keys are equal as text")
    return found


def _nested(array: Array) -> object:
    _, flat = plain_cells(array)
    if array.ndim == 0:
        return flat[0]
    holder = np.empty(len(flat), dtype=object)
    holder[:] = flat
    return holder.reshape(array.shape).tolist()


def datatype_of(cells: list[object]) -> str:
    """Return the V2 datatype for values whose type says nothing: Python's own objects."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {bool}:
        return "BOOL"
    if kinds == {int}:
        whole = [cell for cell in cells if isinstance(cell, int)]
        low, high = min(whole), max(whole)
        if low in _INT64 and high in _INT64:
            return "INT64"
        return "UINT64" if low in _UINT64 and high in _UINT64 else "BYTES"
    if kinds == {float}:
        return "FP64"
    if kinds == {int, float} and all(_exact_double(cell) for cell in cells):
        return "FP64"
    return "BYTES"


def _exact_double(cell: object) -> bool:
    try:
        return not isinstance(cell, int) or float(cell) == cell
    except OverflowError:
        return False
