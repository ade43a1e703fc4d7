"""From the values of a request to what the model's `predict` takes, checked on the way.

MLflow would enforce the schema itself, but its refusals look like failures of the model. Here
the client's mistakes become 400s, and everything else reaches the model as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import is_

import numpy as np
import pandas as pd

from serving.runtime import cells
from serving.runtime.body import check_untyped
from serving.runtime.cells import EXACT_WHOLE, Array
from serving.runtime.columns import to_array, to_list
from serving.runtime.payload import Named, Payload, Records, Rows, Tensors
from serving.runtime.problem import ProblemError, bad_request, kind_of
from serving.runtime.signature import Column, ColumnType, Signature
from serving.runtime.tensors import assemble_tensors


def assemble(signature: Signature, payload: Payload, *, bare: bool = False) -> object:
    """Build the model's input.

    Args:
        signature: what the model takes.
        payload: what the client sent.
        bare: hand over a table whose columns are all numbers as an array.

    Raises:
        ProblemError: 400 with expected, found and the signature.
    """
    try:
        if signature.tensors:
            return assemble_tensors(signature, payload)
        if signature.hinted and len(signature.columns) == 1 and not signature.named:
            return _hinted(signature, payload)
        return _table(signature, payload, bare)
    except ProblemError as err:
        raise ProblemError(err.status, err.reason, f"{err.info}; {signature.describe()}") from None


def _table(signature: Signature, payload: Payload, bare: bool) -> object:
    match payload:
        case Rows():
            return _from_rows(signature, payload, bare)
        case Records(records):
            names = list(records[0])
            _check_keys(records, names)
            values: Mapping[str, object] = {
                name: [record[name] for record in records] for name in names
            }
        case Named(values):
            pass
        case Tensors(values):
            if len(values) == 1:
                (only,) = values.values()
                if only and isinstance(only[0], list) and len(only[0]) > 1:
                    # All columns at once, in the signature's order.
                    return _from_rows(signature, Rows(only), bare)
            values = {name: _unboxed(items) for name, items in values.items()}
    return _from_columns(signature, values, bare)


def _unboxed(values: list[object]) -> list[object]:
    """Shape [n, 1] is as good as [n] for one column; other ranks stay nested."""
    if values and all(isinstance(value, list) and len(value) == 1 for value in values):
        return [value[0] for value in values if isinstance(value, list)]
    return values


def _hinted(signature: Signature, payload: Payload) -> list[object]:
    """Build the list that a type hint asks for, as MLflow's own clients hand it over."""
    column = signature.columns[0]
    match payload:
        case Records(records) if column.type is ColumnType.OTHER:
            check_untyped(records, "rows")
            return list(records)
        case Rows(rows) if column.type is ColumnType.OTHER:
            values_: list[object] = [_unboxed_object(row) for row in rows]
        case Rows():
            values_ = [row[0] for row in _checked_rows(signature, payload)]
            _check_width(signature, payload, 1)
        case Records(records):
            _check_keys(records, list(records[0]))
            if len(records[0]) != 1:
                raise bad_request(f"expected one value in each row, found {len(records[0])}")
            values_ = [next(iter(record.values())) for record in records]
        case Named(values) | Tensors(values):
            if len(values) != 1:
                raise bad_request(f"expected one column, found {sorted(values)}")
            (only,) = values.values()
            if not isinstance(only, list):
                raise bad_request(f"expected a list, found {kind_of(only)}")
            values_ = _unboxed(only)
    if not values_:
        raise bad_request("expected at least one row, found none")
    return to_list(column, values_)


def _unboxed_object(row: object) -> object:
    """Take an object out of a row of its own, as `data.ndarray` carries it."""
    boxed = isinstance(row, list) and len(row) == 1 and isinstance(row[0], dict)
    return row[0] if isinstance(row, list) and boxed else row


def _from_rows(signature: Signature, payload: Rows, bare: bool) -> object:
    rows = _checked_rows(signature, payload)
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


def _checked_rows(signature: Signature, payload: Rows) -> list[list[object]]:
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


def _check_keys(records: Sequence[dict[str, object]], names: list[str]) -> None:
    for index, record in enumerate(records):
        if record.keys() != records[0].keys():
            lacks = [name for name in names if name not in record]
            more = [name for name in record if name not in records[0]]
            raise bad_request(
                f"expected the same keys in every record; compared with record 0, "
                f"record {index} lacks {_few(lacks)} and adds {_few(more)}"
            )


def _check_once(names: Sequence[str]) -> None:
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if list(names).count(name) > 1})
        raise bad_request(f"expected every column once, found {_few(twice)} more than once")


def _by_name(signature: Signature, names: Sequence[str]) -> list[Column]:
    """Return the columns of `names`, in that order."""
    known = {column.name: column for column in signature.columns}
    unknown = [name for name in names if name not in known]
    found = set(names)
    missing = [c.name for c in signature.columns if c.required and c.name not in found]
    if unknown or missing:
        parts = [f"unknown columns {_few(unknown)}"] if unknown else []
        parts += [f"missing columns {_few(missing)}"] if missing else []
        raise bad_request(f"expected the columns of the signature, found {' and '.join(parts)}")
    return [known[name] for name in names]


def _few(names: Sequence[str]) -> str:
    shown = [name if len(name) <= 60 else f"{name[:57]}..." for name in names[:10]]
    return str(shown or "") if len(names) <= 10 else f"{shown} and {len(names) - 10} more"


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


def _from_columns(
    signature: Signature, values: Mapping[str, object], bare: bool
) -> pd.DataFrame | Array:
    lists: dict[str, Sequence[object]] = {}
    for name, items in values.items():
        if not isinstance(items, list | tuple):
            raise bad_request(f"column {name!r}: expected a list, found {kind_of(items)}")
        lists[name] = items
    lengths = {len(items) for items in lists.values()}
    if len(lengths) != 1:
        sizes = [f"{name}: {len(items)}" for name, items in lists.items()]
        raise bad_request(f"expected columns of equal length, found {_few(sizes) or 'none'}")
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
            f"expected rows without column names or the columns {_few(listed)}, "
            f"found the columns {_few(list(lists))}"
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
    elif (matrix := cells.plain_reals(rows, kinds, np.dtype(float))) is not None:
        return matrix
    labels: Sequence[str | int] = names or range(len(rows[0]))
    columns = zip(labels, zip(*rows, strict=True), strict=True)
    return pd.DataFrame(
        {label: to_array(Column(str(label), ColumnType.OTHER), found) for label, found in columns}
    )
