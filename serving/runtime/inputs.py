"""Builds the input of the model's `predict` from a request's values, and checks them.

MLflow would enforce the schema itself, but its refusals look like failures of the model. Here
the client's mistakes become 400s, and everything else reaches the model as it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from serving.runtime.body import check_untyped
from serving.runtime.columns import to_list
from serving.runtime.payload import Named, Payload, Records, Rows, Tensors
from serving.runtime.problem import ProblemError, bad_request, kind_of
from serving.runtime.signature import ColumnType, Signature
from serving.runtime.tables import checked_rows, from_columns, from_rows
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
            return from_rows(signature, payload, bare)
        case Records():
            values: Mapping[str, object] = payload.columns()
        case Named(values):
            pass
        case Tensors(values):
            if (rows := _whole_table(signature, values)) is not None:
                return from_rows(signature, Rows(rows), bare)
            values = {name: _column(signature, name, items) for name, items in values.items()}
    return from_columns(signature, values, bare)


def _whole_table(signature: Signature, values: Mapping[str, list[object]]) -> list[object] | None:
    """Return the rows of a lone tensor that is all columns at once, in the signature's order."""
    if len(values) != 1:
        return None
    ((name, only),) = values.items()
    if not (only and isinstance(only[0], list) and len(only[0]) > 1):
        return None
    column = signature.columns_by_name.get(name)
    if column is None:
        return only
    if column.nested is None:
        raise bad_request(
            f"expected one value of the column {name!r} in each row, found {len(only[0])}; "
            "a tensor of all columns has a name of its own"
        )
    return None


def _column(signature: Signature, name: str, values: list[object]) -> list[object]:
    """Return a column's values; where lists are declared, a row of the tensor is one value."""
    column = signature.columns_by_name.get(name)
    return values if column and column.nested else _unboxed(values)


def _unboxed(values: list[object]) -> list[object]:
    """Flatten shape [n, 1] to [n] for one column; other ranks stay nested."""
    if values and all(isinstance(value, list) and len(value) == 1 for value in values):
        return [value[0] for value in values if isinstance(value, list)]
    return values


def _hinted(signature: Signature, payload: Payload) -> list[object]:
    """Build the list that a type hint asks for, as MLflow's own clients pass it."""
    column = signature.columns[0]
    match payload:
        case Records(records) if column.type is ColumnType.OTHER:
            check_untyped(records, "rows")
            return list(records)
        case Rows(rows) if column.type is ColumnType.OTHER:
            values_: list[object] = [_unboxed_object(row) for row in rows]
        case Rows():
            rows = checked_rows(signature, payload)
            if len(rows[0]) != 1:
                raise bad_request(f"expected one value in each row, found {len(rows[0])}")
            values_ = [row[0] for row in rows if isinstance(row, list)]
        case Records():
            values_ = _only(payload.columns())
        case Named(values) | Tensors(values):
            values_ = _unboxed(_only(values))
    if not values_:
        raise bad_request("expected at least one row, found none")
    return to_list(column, values_)


def _only(values: Mapping[str, object]) -> list[object]:
    found = next(iter(values.values()), None)
    if len(values) != 1 or not isinstance(found, list):
        raise bad_request(f"expected one list of values, found {len(values)}: {kind_of(found)}")
    return found


def _unboxed_object(row: object) -> object:
    """Return the object in a row of one value, as `data.ndarray` carries it."""
    boxed = isinstance(row, list) and len(row) == 1 and isinstance(row[0], dict)
    return row[0] if isinstance(row, list) and boxed else row
