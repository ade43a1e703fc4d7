"""Tables, as a signature of columns declares them, from rows or from columns."""

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
    columns = _check_width(signature, payload, width)
    if names is not None and tuple(names) != signature.input_names:
        _check_once(names)
        columns = _by_name(signature, names) if signature.named else columns
    fast = _float_matrix(signature, rows, columns, names, bare)
    if fast is not None:
        return fast
    pairs = zip(columns, zip(*rows, strict=True), strict=True)
    arrays = [(column.name, to_array(column, found)) for column, found in pairs]
    if signature.named:
        return _framed(signature, dict(arrays), bare)
    labels: Sequence[str | int] = names or range(width)
    return pd.DataFrame(dict(zip(labels, (array for _, array in arrays), strict=True)))


def _check_width(signature: Signature, payload: Rows, width: int) -> Sequence[Column]:
    """Return the columns that rows of `width` values stand for, by position."""
    if width == len(signature.columns):
        return signature.columns
    required = [column for column in signature.columns if column.required]
    if payload.names is None and width == len(required):
        return required
    if signature.named and payload.names is not None:
        return signature.columns  # the names decide
    raise bad_request(f"expected {len(signature.columns)} columns, found {width} in each row")


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
    known = {column.name: column for column in signature.columns}
    unknown = [name for name in names if name not in known]
    found = set(names)
    missing = [c.name for c in signature.columns if c.required and c.name not in found]
    if unknown or missing:
        parts = [f"unknown columns {few(unknown)}"] if unknown else []
        parts += [f"missing columns {few(missing)}"] if missing else []
        raise bad_request(f"expected the columns of the signature, found {' and '.join(parts)}")
    return [known[name] for name in names]


def _float_matrix(
    signature: Signature,
    rows: list[list[object]],
    columns: Sequence[Column],
    names: Sequence[str] | None,
    bare: bool,
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
    if not signature.named:
        labels = None if names is None else list(names)
        return matrix if bare else pd.DataFrame(matrix, columns=labels, copy=False)
    in_order = all(map(is_, columns, signature.columns))
    if bare and in_order:
        return matrix
    frame = pd.DataFrame(matrix, columns=[column.label for column in columns], copy=False)
    if not in_order:
        frame = frame[[column.label for column in signature.columns]]
    return frame.to_numpy() if bare else frame


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
    if not signature.named:
        return _by_listed_names(signature, lists)
    columns = {column.name: column for column in _by_name(signature, list(lists))}
    arrays = {name: to_array(columns[name], items) for name, items in lists.items()}
    return _framed(signature, arrays, bare)


def _by_listed_names(signature: Signature, lists: Mapping[str, Sequence[object]]) -> pd.DataFrame:
    """Take columns without names by the names that the metadata gives them."""
    listed = signature.input_names
    if set(lists) != set(listed):
        raise bad_request(
            f"expected rows without column names or the columns {few(listed)}, "
            f"found the columns {few(list(lists))}"
        )
    return pd.DataFrame(
        {
            column.label: to_array(column, lists[name])
            for column, name in zip(signature.columns, listed, strict=True)
        }
    )


def _framed(
    signature: Signature, arrays: Mapping[str, Array | list[object]], bare: bool
) -> pd.DataFrame | Array:
    found = {
        column.label: arrays[column.name] for column in signature.columns if column.name in arrays
    }
    if bare and signature.numeric and len(found) == len(signature.columns):
        # numpy promotes mixed whole and real numbers as pandas does when asked for an array; but
        # an estimator that looks at each column would see whole numbers as they are.
        stacked = np.column_stack([np.asarray(items) for items in found.values()])
        if stacked.dtype.kind == "i" or not (np.abs(stacked) >= EXACT_WHOLE).any():
            return stacked
    return pd.DataFrame(found)


def _undeclared(rows: list[list[object]], names: Sequence[str] | None) -> object:
    """Hand a model without signature what plain MLflow would: an array, or a table."""
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
