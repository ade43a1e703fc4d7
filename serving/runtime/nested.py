"""Converts lists and objects in a column, as MLflow's nested types declare them.

MLflow's own enforcement writes text of a missing value, makes booleans of anything, cannot take
what JSON can only write as text (bytes, dates) and names no place. Here the cells of a nested
value follow the rules of a plain column, in the types that MLflow would have made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from serving.runtime import cells
from serving.runtime.body import check_untyped
from serving.runtime.cells import Array, MisfitError
from serving.runtime.dates import moments
from serving.runtime.problem import ProblemError, bad_request, few, kind_of
from serving.runtime.signature import (
    Anything,
    ArrayOf,
    Column,
    ColumnType,
    MapOf,
    NestedType,
    ObjectOf,
)


@dataclass(frozen=True, slots=True)
class _Place:
    """The place of a value in its column."""

    row: int
    column: str
    path: str = ""

    def inside(self, key: object) -> _Place:
        shown = repr(key[:60]) if isinstance(key, str) else key
        return _Place(self.row, self.column, f"{self.path}[{shown}]")

    def refuse(self, expected: str, found: object) -> ProblemError:
        return self.problem(f"expected {expected}, found {kind_of(found)}")

    def problem(self, message: str) -> ProblemError:
        at = f", at {self.path}" if self.path else ""
        return bad_request(f"row {self.row}, column {self.column!r}{at}: {message}")


def to_nested(column: Column, values: Sequence[object]) -> list[object]:
    """Convert a column of lists or objects.

    Raises:
        ProblemError: 400, naming the row, the column and the place in it that does not fit.
    """
    name, declared = column.name or str(column.label), column.nested
    assert declared is not None
    return [
        _nested(declared, value, column.required, _Place(row, name))
        for row, value in enumerate(values)
    ]


def _nested(declared: NestedType, value: object, required: bool, place: _Place) -> object:
    if value is None and not required:
        return None
    match declared:
        case Anything():
            check_untyped(value, f"row {place.row}, column {place.column!r}{place.path}")
            return value
        case ArrayOf(item):
            return _array(item, value, required, place)
        case MapOf(item):
            if not isinstance(value, dict):
                raise place.refuse("an object", value)
            return {
                key: _nested(item, cell, required, place.inside(key)) for key, cell in value.items()
            }
        case ObjectOf():
            return _object(declared, value, required, place)
        case _:
            return _scalar(_cells(declared, [value], lambda _: place))


def _array(item: NestedType, value: object, required: bool, place: _Place) -> object:
    if value is None and isinstance(item, Anything):
        return None
    if not isinstance(value, list):
        raise place.refuse("a list", value)
    if not isinstance(item, ColumnType):
        return [
            _nested(item, cell, required, place.inside(index)) for index, cell in enumerate(value)
        ]
    # MLflow passes dates in a list as nanoseconds since 1970, which numpy's `tolist` returns.
    found = _cells(item, value, place.inside)
    return found.tolist() if isinstance(found, np.ndarray) else found


def _object(declared: ObjectOf, value: object, required: bool, place: _Place) -> object:
    if not isinstance(value, dict):
        raise place.refuse("an object", value)
    if not value and not required:
        return value
    known = {prop.name: prop for prop in declared.properties}
    unknown = [name for name in value if name not in known]
    missing = [
        prop.name for prop in declared.properties if prop.required and prop.name not in value
    ]
    if unknown or missing:
        raise place.problem(
            f"expected the properties {few(list(known))}, "
            f"found {few(unknown)} beside them and {few(missing)} missing"
        )
    return {
        name: _nested(known[name].type, cell, known[name].required, place.inside(name))
        for name, cell in value.items()
    }


def _cells(
    item: ColumnType, values: list[object], place: Callable[[int], _Place]
) -> Array | list[object]:
    try:
        match item:
            case ColumnType.DOUBLE | ColumnType.FLOAT:
                return cells.reals(values, np.dtype(item.numpy_name))
            case ColumnType.LONG | ColumnType.INTEGER:
                return cells.wholes(values, np.dtype(item.numpy_name))
            case ColumnType.BOOLEAN:
                return cells.booleans(values)
            case ColumnType.STRING:
                return cells.each(values, cells.text)
            case ColumnType.BINARY:
                return cells.each(values, cells.binary)
            case ColumnType.DATETIME:
                return moments(values)
            case ColumnType.OTHER:
                raise TypeError(item)
    except MisfitError as err:
        at = place(err.index)
        raise at.problem(
            f"expected {err.expected} ({item}), found {kind_of(values[err.index])}"
        ) from None


def _scalar(found: Array | list[object]) -> object:
    """Return one value in the numpy or pandas type that MLflow uses for it in an object."""
    value = found[0]
    return pd.Timestamp(value) if isinstance(value, np.datetime64) else value
