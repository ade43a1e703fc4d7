"""Builds tensors, as a signature of arrays declares them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from serving.runtime import cells
from serving.runtime.body import check_untyped
from serving.runtime.cells import Array, DType, MisfitError
from serving.runtime.dates import moments
from serving.runtime.folding import unfolded
from serving.runtime.payload import Named, Payload, Records, Rows, Tensors
from serving.runtime.problem import bad_request, few, kind_of
from serving.runtime.signature import Signature, Tensor


def assemble_tensors(signature: Signature, payload: Payload) -> Array | dict[str, Array]:
    """Build the array, or the named arrays, that the model takes.

    Raises:
        ProblemError: 400, names, shapes or values are not those of the signature.
    """
    wanted = signature.tensors
    match payload:
        case Rows(rows):
            if len(wanted) != 1:
                raise bad_request(f"expected {len(wanted)} named tensors, found one")
            found: dict[str, object] = {wanted[0].name: rows}
        case Records():
            found = dict(payload.columns())
        case Named(values) | Tensors(values):
            found = dict(values)
    if len(wanted) == 1 and not wanted[0].name:
        if len(found) != 1:
            raise bad_request(f"expected one tensor, found {few(sorted(found))}")
        return _array(wanted[0], next(iter(found.values())))
    known = {tensor.name for tensor in wanted}
    if set(found) != known:
        raise bad_request(f"expected the tensors {sorted(known)}, found {few(sorted(found))}")
    return {tensor.name: _array(tensor, found[tensor.name]) for tensor in wanted}


def _array(tensor: Tensor, values: object) -> Array:
    label = f"tensor {tensor.name!r}" if tensor.name else "the tensor"
    if not isinstance(values, list | tuple):
        raise bad_request(f"{label}: expected a list, found {kind_of(values)}")
    dtype = np.dtype(tensor.numpy_name)
    rank = len(tensor.shape)
    flat, shape = unfolded(values, label, rank if dtype.kind == "O" else max(rank, 2))
    if len(shape) == rank + 1 and shape[-1] == 1:
        # Rows of one value are a column of them.
        shape.pop()
    if len(shape) != rank or any(
        want not in (-1, have) for want, have in zip(tensor.shape, shape, strict=True)
    ):
        raise bad_request(f"{label}: expected shape {list(tensor.shape)}, found {shape}")
    if not flat:
        raise bad_request(f"{label}: expected values, found shape {shape}, which holds none")
    try:
        return _cells(flat, dtype, label).reshape(shape)
    except MisfitError as err:
        place = [int(index) for index in np.unravel_index(err.index, shape)]
        raise bad_request(
            f"{label}, row {place[0]}, at {place}: expected {err.expected} "
            f"({tensor.numpy_name}), found {kind_of(flat[err.index])}"
        ) from None


def _cells(flat: Sequence[object], dtype: DType, label: str) -> Array:
    match dtype.kind:
        case "f" if dtype.itemsize <= 8:
            return cells.reals(flat, dtype)
        case "i" | "u":
            return cells.wholes(flat, dtype)
        case "b":
            found = cells.booleans(flat)
            if found.dtype.kind == "O":
                raise MisfitError(flat.index(None), "true or false")
            return found
        case "U" | "S":
            return cells.fixed_text(flat, dtype)
        case "M":
            return moments(flat, dtype.name)
        case "O":
            check_untyped(flat, label)
            array = np.empty(len(flat), dtype=object)
            array[:] = flat
            return array
        case _:
            raise bad_request(f"{label}: {dtype.name} cannot be sent as JSON")
