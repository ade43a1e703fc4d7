"""Builds tables, as a signature of columns declares them, from rows or from columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import is_

import numpy as np
import pandas as pd

from serving.runtime import cells
from serving.runtime.cells import EXACT_WHOLE, Array
from serving.runtime.columns import to_array
from serving.runtime.payload import Rows
from serving.runtime.problem import bad_request, few, kind_of
from serving.runtime.signature import Column, ColumnType, Signature


def from_rows(signature: Signature, payload: Rows, bare: bool) -> object:
    """Build the model's table, or array, from rows.

    Raises:
        ProblemError: 400, rows, names or values are not those of the signature.
    """
    rows = checked_rows(signature, payload)
    width = len(rows[0])
    names = payload.names or None
    if names is not None and len(names) != width:
        raise bad_request(
            f"expected as many names as values in a row ({width}), found {len(names)} names"
        )
    if not signature.columns:
        return _undeclared(rows, names)
    columns: Sequence[Column] = signature.columns
    if names is None:
        columns = _by_place(signature, width)
    elif tuple(names) != signature.input_names:
        _check_once(names)
        columns = _by_name(signature, names)
    fast = _float_matrix(signature, rows, columns, bare)
    if fast is not None:
        return fast
    pairs = zip(columns, zip(*rows, strict=True), strict=True)
    return _framed(signature, {c.label: to_array(c, found) for c, found in pairs}, bare)


def _by_place(signature: Signature, width: int) -> Sequence[Column]:
    """Return the columns that rows of `width` values without names stand for."""
    if width == len(signature.columns):
        return signature.columns
    given, rest = signature.columns[:width], signature.columns[width:]
    if width < len(signature.columns) and not any(column.required for column in rest):
        return given
    optional = any(not column.required for column in signature.columns)
    hint = "; with names, optional columns may be left out" if optional else ""
    raise bad_request(f"expected {len(signature.columns)} columns, found {width} in each row{hint}")


def checked_rows(signature: Signature, payload: Rows) -> list[list[object]]:
    """Check that there are rows, that all are lists, and that all are equally long."""
    if not payload.rows:
        raise bad_request("expected at least one row, found none")
    one_column = len(signature.columns) == 1
    rows: list[list[object]] = []
    for index, row in enumerate(payload.rows):
        if isinstance(row, list):
            rows.append(row)
        elif one_column:
            rows.append([row])
        else:
            raise bad_request(
                f"expected a list of rows such as [[1.0, 2.0]]; row {index} is {kind_of(row)}"
            )
    width = len(rows[0])
    for index, row in enumerate(rows):
        if len(row) != width:
            raise bad_request(
                f"expected rows of equal length; row 0 has {width} values, "
                f"row {index} has {len(row)}"
            )
    if width == 0:
        raise bad_request("expected values in every row, found empty rows")
    return rows


def _check_once(names: Sequence[str]) -> None:
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if list(names).count(name) > 1})
        raise bad_request(f"expected every column once, found {few(twice)} more than once")


def _by_name(signature: Signature, names: Sequence[str]) -> list[Column]:
    """Return the columns of `names`, in that order."""
    known = signature.columns_by_name
    unknown = [name for name in names if name not in known]
    columns = [known[name] for name in names if name in known]
    found = {column.label for column in columns}
    missing = [
        name
        for column, name in zip(signature.columns, signature.input_names, strict=True)
        if column.required and column.label not in found
    ]
    if unknown or missing:
        parts = [f"unknown columns {few(unknown)}"] if unknown else []
        parts += [f"missing columns {few(missing)}"] if missing else []
        raise bad_request(f"expected the columns of the signature, found {' and '.join(parts)}")
    if len(found) != len(columns):
        raise bad_request(f"expected every column once, found {few(names)}")
    return columns


def _float_matrix(
    signature: Signature, rows: list[list[object]], columns: Sequence[Column], bare: bool
) -> pd.DataFrame | Array | None:
    """Build the common case, plain numbers only, in one numpy call; None if it is not that."""
    numpy_name = signature.uniform_float
    if numpy_name is None or len(columns) != len(signature.columns):
        return None
    kinds: set[type] = set()
    for row in rows:
        kinds.update(map(type, row))
    matrix = cells.plain_reals(rows, kinds, np.dtype(numpy_name))
    if matrix is None:
        return None
    if columns is not signature.columns and not all(map(is_, columns, signature.columns)):
        place = {column.label: index for index, column in enumerate(columns)}
        matrix = matrix[:, [place[column.label] for column in signature.columns]]
    # Column by column, as MLflow's tables are: sums in another order differ in the last digit.
    matrix = np.asfortranarray(matrix)
    if bare:
        return matrix
    labels = [column.label for column in signature.columns] if signature.named else None
    return pd.DataFrame(matrix, columns=labels, copy=False)


def from_columns(
    signature: Signature, values: Mapping[str, object], bare: bool
) -> pd.DataFrame | Array:
    """Build the model's table, or array, from named columns.

    Raises:
        ProblemError: 400, names, lengths or values are not those of the signature.
    """
    lists: dict[str, Sequence[object]] = {}
    for name, items in values.items():
        if not isinstance(items, list | tuple):
            raise bad_request(f"column {name!r}: expected a list, found {kind_of(items)}")
        lists[name] = items
    lengths = {len(items) for items in lists.values()}
    if len(lengths) != 1:
        sizes = [f"{name}: {len(items)}" for name, items in lists.items()]
        raise bad_request(f"expected columns of equal length, found {few(sizes)}")
    if lengths == {0}:
        raise bad_request("expected at least one row, found none")
    if not signature.columns:
        undeclared = {name: Column(name, ColumnType.OTHER) for name in lists}
        return pd.DataFrame({n: to_array(undeclared[n], items) for n, items in lists.items()})
    columns = _by_name(signature, list(lists))
    pairs = zip(columns, lists.values(), strict=True)
    return _framed(signature, {c.label: to_array(c, items) for c, items in pairs}, bare)


def _framed(
    signature: Signature, arrays: Mapping[str | int, Array | list[object]], bare: bool
) -> pd.DataFrame | Array:
    found = {
        column.label: arrays[column.label] for column in signature.columns if column.label in arrays
    }
    if bare and signature.numeric and len(found) == len(signature.columns):
        # numpy promotes mixed whole and real numbers as pandas does when asked for an array; but
        # an estimator that looks at each column would see whole numbers as they are.
        stacked: Array = np.stack([np.asarray(items) for items in found.values()]).T
        if stacked.dtype.kind == "i" or not (np.abs(stacked) >= EXACT_WHOLE).any():
            return stacked
    return pd.DataFrame(found)


def _undeclared(rows: list[list[object]], names: Sequence[str] | None) -> object:
    """Build what plain MLflow would pass to a model without signature: an array, or a table."""
    kinds = {type(cell) for row in rows for cell in row}
    if names is not None:
        _check_once(names)
    elif kinds == {bool}:
        return np.array(rows)
    elif kinds == {int}:
        try:
            return np.array(rows, dtype=np.int64)
        except OverflowError:
            return np.array(rows, dtype=object)
    elif kinds <= {int, float, type(None)}:
        matrix = cells.plain_reals(rows, kinds, np.dtype(float))
        if matrix is not None:
            return matrix
        doubles = [Column(str(index), ColumnType.DOUBLE) for index in range(len(rows[0]))]
        pairs = zip(doubles, zip(*rows, strict=True), strict=True)
        return np.column_stack([np.asarray(to_array(column, found)) for column, found in pairs])
    labels: Sequence[str | int] = names or range(len(rows[0]))
    columns = zip(labels, zip(*rows, strict=True), strict=True)
    return pd.DataFrame(
        {label: to_array(Column(str(label), ColumnType.OTHER), found) for label, found in columns}
    )
