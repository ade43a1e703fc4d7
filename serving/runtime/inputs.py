"""From the values of a request to what the model's `predict` takes, checked on the way.

MLflow would enforce the schema itself, but its refusals look like failures of the model, and a
null in a whole-number column would be one of them. Here the client's mistakes become 400s, and
everything else reaches the model as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from serving.runtime.columns import Array, to_array
from serving.runtime.problem import ProblemError, bad_request, kind_of
from serving.runtime.signature import Column, ColumnType, Signature, Tensor

_PLAIN_NUMBERS = frozenset({int, float, type(None)})


@dataclass(frozen=True, slots=True)
class Rows:
    """A table as rows; `names` are the client's column names, if it sent some."""

    rows: Sequence[object]
    names: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A table as named columns, or named tensors."""

    values: Mapping[str, object]


Payload = Rows | Named


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
            return _tensors(signature, payload)
        if isinstance(payload, Named):
            return _table(signature, payload.values, bare)
        return _from_rows(signature, payload, bare)
    except ProblemError as err:
        raise ProblemError(err.status, err.reason, f"{err.info}; {signature.describe()}") from None


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
    if names is None or not signature.named:
        if width != len(signature.columns) and width != _required(signature):
            raise bad_request(
                f"expected {len(signature.columns)} columns, found {width} in each row"
            )
        names = [column.name for column in signature.columns][:width]
        if width != len(signature.columns):
            names = [column.name for column in signature.columns if column.required]
    if signature.named:
        _check_names(signature, names)
    fast = _float_matrix(signature, rows, names, bare)
    if fast is not None:
        return fast
    columns = list(zip(*rows, strict=True))
    if not signature.named:
        return pd.DataFrame(
            {
                index: to_array(replace(column, name=str(index)), columns[index])
                for index, column in enumerate(signature.columns)
            }
        )
    return _table(signature, dict(zip(names, columns, strict=True)), bare)


def _required(signature: Signature) -> int:
    return sum(column.required for column in signature.columns)


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
    for index, cells in enumerate(rows):
        if len(cells) != width:
            raise bad_request(
                f"expected rows of equal length; row 0 has {width} values, "
                f"row {index} has {len(cells)}"
            )
    if width == 0:
        raise bad_request("expected values in every row, found empty rows")
    return rows


def _check_names(signature: Signature, names: Sequence[str]) -> None:
    known = {column.name for column in signature.columns}
    found = set(names)
    if len(found) != len(names):
        twice = sorted({name for name in names if list(names).count(name) > 1})
        raise bad_request(f"expected every column once, found {twice} more than once")
    unknown = [name for name in names if name not in known]
    missing = [c.name for c in signature.columns if c.required and c.name not in found]
    if unknown or missing:
        parts = [f"unknown columns {unknown}"] if unknown else []
        parts += [f"missing columns {missing}"] if missing else []
        raise bad_request(f"expected the columns of the signature, found {' and '.join(parts)}")


def _float_matrix(
    signature: Signature, rows: list[list[object]], names: Sequence[str], bare: bool
) -> pd.DataFrame | Array | None:
    """Build the common case, plain numbers only, in one numpy call; None if it is not that."""
    numpy_name = signature.uniform_float
    if numpy_name is None or len(names) != len(signature.columns):
        return None
    kinds: set[type] = set()
    for row in rows:
        kinds.update(map(type, row))
    if not kinds <= _PLAIN_NUMBERS:
        return None
    try:
        matrix = np.array(rows, dtype=numpy_name)
    except OverflowError:
        return None
    expected = [column.name for column in signature.columns]
    if bare and (names == expected or not signature.named):
        return matrix
    if not signature.named:
        return pd.DataFrame(matrix, copy=False)
    frame = pd.DataFrame(matrix, columns=list(names), copy=False)
    if names != expected:
        frame = frame[expected]
    return frame.to_numpy() if bare else frame


def _table(signature: Signature, values: Mapping[str, object], bare: bool) -> pd.DataFrame | Array:
    lists: dict[str, Sequence[object]] = {}
    for name, cells in values.items():
        if not isinstance(cells, list | tuple):
            raise bad_request(f"column {name!r}: expected a list, found {kind_of(cells)}")
        lists[name] = cells
    lengths = {len(cells) for cells in lists.values()}
    if len(lengths) != 1:
        raise bad_request(
            "expected columns of equal length, found "
            + (", ".join(f"{name}: {len(cells)}" for name, cells in lists.items()) or "none")
        )
    if lengths == {0}:
        raise bad_request("expected at least one row, found none")
    if not signature.columns:
        return pd.DataFrame({name: list(cells) for name, cells in lists.items()})
    if not signature.named:
        raise bad_request("expected rows without column names, found named columns")
    _check_names(signature, list(lists))
    arrays = {
        column.name: to_array(column, lists[column.name])
        for column in signature.columns
        if column.name in lists
    }
    if bare and signature.numeric:
        # numpy promotes mixed whole and real numbers as pandas does when asked for an array.
        return np.column_stack([np.asarray(cells) for cells in arrays.values()])
    return pd.DataFrame(arrays)


def _undeclared(rows: list[list[object]], names: Sequence[str] | None) -> object:
    """Hand a model without signature what plain MLflow would: an array, or a named table."""
    if names is not None:
        unnamed = [Column(name, ColumnType.OTHER) for name in names]
        cells = dict(zip(names, zip(*rows, strict=True), strict=True))
        return _table(Signature(tuple(unnamed)), cells, bare=False)
    kinds = {type(cell) for row in rows for cell in row}
    if kinds <= {int, float, bool, type(None)}:
        return np.array(rows, dtype=float if type(None) in kinds else None)
    return pd.DataFrame(rows)


def _tensors(signature: Signature, payload: Payload) -> Array | dict[str, Array]:
    if isinstance(payload, Rows):
        if len(signature.tensors) != 1:
            raise bad_request(f"expected {len(signature.tensors)} named tensors, found one")
        tensor = signature.tensors[0]
        array = _tensor(tensor, payload.rows)
        return {tensor.name: array} if tensor.name else array
    if len(signature.tensors) == 1 and not signature.tensors[0].name and len(payload.values) == 1:
        return _tensor(signature.tensors[0], next(iter(payload.values.values())))
    known = {tensor.name for tensor in signature.tensors}
    if set(payload.values) != known:
        raise bad_request(f"expected the tensors {sorted(known)}, found {sorted(payload.values)}")
    return {
        tensor.name: _tensor(tensor, payload.values[tensor.name]) for tensor in signature.tensors
    }


def _tensor(tensor: Tensor, values: object) -> Array:
    label = f"tensor {tensor.name!r}" if tensor.name else "the tensor"
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise bad_request(f"{label}: expected a list, found {kind_of(values)}")
    dtype = np.dtype(tensor.numpy_name)
    try:
        found = np.array(values)
        if dtype.kind in "iufb" and found.dtype.kind == "O":
            found = np.array(values, dtype=float)  # null becomes NaN
    except (TypeError, ValueError, OverflowError):
        raise bad_request(f"{label}: expected numbers in rows of equal length") from None
    if (dtype.kind in "iufb") != (found.dtype.kind in "iufb"):
        raise bad_request(f"{label}: expected {tensor.numpy_name}, found {found.dtype}")
    if found.dtype.kind == "f" and np.isinf(found).any():
        raise bad_request(f"{label}: expected finite numbers or null, found an infinity")
    shape = tensor.shape
    if len(shape) != found.ndim or any(
        want not in (-1, have) for want, have in zip(shape, found.shape, strict=True)
    ):
        raise bad_request(f"{label}: expected shape {list(shape)}, found {list(found.shape)}")
    if dtype.kind in "iu" and found.dtype.kind == "f":
        if np.isnan(found).any():
            return found
        if (found != np.trunc(found)).any():
            raise bad_request(f"{label}: expected whole numbers ({tensor.numpy_name})")
    converted: Array = found.astype(dtype)
    return converted
