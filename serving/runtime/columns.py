"""Converts a column of JSON values to an array of the signature's type."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from serving.runtime import cells
from serving.runtime.body import check_untyped
from serving.runtime.cells import Array, MisfitError
from serving.runtime.dates import moment, moments
from serving.runtime.nested import to_nested
from serving.runtime.problem import ProblemError, bad_request, kind_of
from serving.runtime.signature import Column, ColumnType


def to_array(column: Column, values: Sequence[object]) -> Array | list[object]:
    """Convert `values` to the array that the model expects for `column`.

    Returns:
        An array; or the values as a list where pandas shall choose the type (text, nested).

    Raises:
        ProblemError: 400, naming the first row that does not fit, what was expected and found.
    """
    try:
        match column.type:
            case ColumnType.DOUBLE | ColumnType.FLOAT:
                return cells.reals(values, np.dtype(column.type.numpy_name))
            case ColumnType.LONG | ColumnType.INTEGER:
                return cells.wholes(values, np.dtype(column.type.numpy_name))
            case ColumnType.BOOLEAN:
                return cells.booleans(values)
            case ColumnType.STRING:
                return cells.each(values, cells.text)
            case ColumnType.BINARY:
                return np.array([*cells.each(values, cells.binary), None], dtype=object)[:-1]
            case ColumnType.DATETIME:
                return moments(values)
            case ColumnType.OTHER if column.nested is not None:
                return to_nested(column, values)
            case ColumnType.OTHER:
                return _undeclared(column, values)
    except MisfitError as err:
        raise _misfit(column, values, err) from None


def to_list(column: Column, values: Sequence[object]) -> list[object]:
    """Convert `values` to Python's own types, as a type hint asks for them.

    Raises:
        ProblemError: 400, as `to_array`.
    """
    try:
        match column.type:
            case ColumnType.DATETIME:
                return cells.each(values, moment)
            case ColumnType.OTHER:
                check_untyped(values, "rows")
                return list(values)
            case ColumnType.STRING | ColumnType.BINARY:
                convert = cells.text if column.type is ColumnType.STRING else cells.binary
                return cells.each(values, convert)
            case _:
                present = [value for value in values if value is not None]
                found = iter(np.asarray(to_array(column, present)).tolist())
                return [None if value is None else next(found) for value in values]
    except MisfitError as err:
        raise _misfit(column, values, err) from None


def _misfit(column: Column, values: Sequence[object], err: MisfitError) -> ProblemError:
    name = column.name or str(column.label)
    return bad_request(
        f"row {err.index}, column {name!r}: expected {err.expected} ({column.type}), "
        f"found {kind_of(values[err.index])}"
    )


def _undeclared(column: Column, values: Sequence[object]) -> list[object]:
    """Leave the type to pandas, unless pandas would round."""
    kinds = set(map(type, values))
    if kinds <= {int, float, type(None)} and len(kinds) > 1 and int in kinds:
        cells.reals(values, np.dtype(float))
    elif not kinds <= {int, bool, str, type(None)}:
        check_untyped(values, f"column {column.name!r}")
    return list(values)
