"""Makes numpy dtypes, scalars and arrays from checked parts, never from a forged state."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

import numpy as np

from registry.model_files import limits
from registry.model_files.errors import MalformedError
from registry.model_files.nodes import Array, DType

_CODE = re.compile(r"^(?:b1|[iu][1248]|f[248]|c(?:8|16)|[SU][0-9]{1,6}|O8?|[Mm]8|V[0-9]{1,4})$")
_UNIT = re.compile(r"^(?:Y|M|W|D|h|m|s|ms|us|ns)$")
_MAX_CODE_POINT = 0x10FFFF
_MAX_FIELDS = 64


@cache
def _structures() -> tuple[tuple[tuple[object, ...], Any], ...]:
    """Return the structured dtypes that scikit-learn's own trees use, each by its state."""
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
    from sklearn.neighbors._kd_tree import KDTree
    from sklearn.tree._tree import NODE_DTYPE

    binary_tree_node = KDTree(np.zeros((1, 1))).__getstate__()[2].dtype
    known = (NODE_DTYPE, PREDICTOR_RECORD_DTYPE, binary_tree_node)
    return tuple((np.dtype(dtype).__reduce__()[2], np.dtype(dtype)) for dtype in known)


def is_plain(dtype: Any) -> bool:
    """Return whether a dtype holds numbers, truth values, text or dates, and nothing else."""
    return dtype.kind in "biufcSUMm" and dtype.names is None and dtype.subdtype is None


def known_structure(dtype: Any) -> bool:
    """Return whether a structured dtype is one that scikit-learn itself uses."""
    return any(dtype == known for _state, known in _structures())


def dtype_from_code(code: object) -> DType:
    """Begin a dtype from its code, such as "f8". Its state follows."""
    if not isinstance(code, str) or not _CODE.match(code):
        raise MalformedError("a dtype of a foreign code")
    return DType(np.dtype(code) if code[0] != "V" else None, code)


def set_dtype_state(node: DType, state: object) -> None:
    """Finish a dtype: its state must be the one that numpy writes."""
    if node.built or not isinstance(state, tuple) or len(state) not in {8, 9}:
        raise MalformedError("a dtype with a foreign state")
    node.built = True
    version, order, *rest = state
    if node.value is None:
        plain = _plain_state(state)
        # Equality walks no further than the known state does, whatever the other one contains.
        node.value = next((dtype for known, dtype in _structures() if known == plain), None)
        if node.value is None:
            raise MalformedError("a structured dtype that is not scikit-learn's own")
        return
    if not isinstance(order, str) or order not in "<>|=" or version not in (3, 4):
        raise MalformedError("a dtype with a foreign byte order")
    if node.value.kind in "Mm":
        node.value = np.dtype(f"{node.code}[{_unit(rest)}]")
    if order == ">":
        node.value = node.value.newbyteorder(">")
    if tuple(rest[:6]) != node.value.__reduce__()[2][2:8]:
        raise MalformedError("a dtype with forged flags or sizes")


def _plain_state(state: tuple[object, ...]) -> tuple[object, ...]:
    """Return a structured dtype's state with numpy dtypes in place of nodes."""
    fields = state[4]
    if not isinstance(fields, dict) or len(fields) > _MAX_FIELDS:
        raise MalformedError("a structured dtype without fields, or with too many")
    plain = {}
    for name, field in fields.items():
        if not isinstance(field, tuple) or len(field) != 2 or not isinstance(field[0], DType):
            raise MalformedError("a structured dtype with foreign fields")
        plain[name] = (field[0].value, field[1])
    return (*state[:4], plain, *state[5:])


def _unit(rest: list[object]) -> str:
    match rest[-1]:
        case (_, (bytes(unit), 1, 1, 1)) if _UNIT.match(unit.decode("ascii", "replace")):
            return unit.decode("ascii")
    raise MalformedError("a date dtype without a plain unit")


def dtype_of(node: object) -> Any:
    """Return the dtype of a finished node."""
    if isinstance(node, np.dtype):
        return node
    if not isinstance(node, DType) or node.value is None:
        raise MalformedError("an array whose dtype is no dtype")
    return node.value


def scalar(dtype: Any, data: object) -> object:
    """Return one numpy scalar from its bytes."""
    if not isinstance(data, bytes) or not is_plain(dtype) or len(data) != max(dtype.itemsize, 0):
        raise MalformedError("a numpy scalar of foreign bytes")
    if not data:
        return dtype.type()
    return _checked(np.frombuffer(data, dtype))[0]


def array_from_bytes(data: object, dtype: Any, shape: object, *, fortran: bool) -> Any:
    """Return an array over bytes exactly as long as its shape requires; copies nothing."""
    sizes = plain_shape(shape)
    if not isinstance(data, bytes | memoryview) or not (is_plain(dtype) or known_structure(dtype)):
        raise MalformedError(f"an array of dtype {dtype} over foreign data")
    count = math.prod(sizes)
    if count * dtype.itemsize != len(data):
        raise MalformedError(f"an array of shape {sizes} over {len(data)} bytes")
    if not count:
        return np.zeros(sizes, dtype)
    if not data:
        # numpy would widen such elements to a byte each, read from unrelated memory.
        raise MalformedError(f"{count} elements without a size")
    return _checked(np.frombuffer(data, dtype)).reshape(sizes, order="F" if fortran else "C")


def transposed(values: Any, axes: object) -> Any:
    """Return a view of an array with its axes in another order, each named once."""
    if not isinstance(axes, tuple | list) or any(type(axis) is not int for axis in axes):
        raise MalformedError("an array whose axes are no numbers")
    if sorted(axes) != list(range(values.ndim)):
        raise MalformedError("an array whose axes are out of range")
    return values.transpose(tuple(axes))


def array_of_objects(items: object, shape: object, *, fortran: bool) -> Any:
    """Return an array of dtype object that holds exactly these values."""
    sizes = plain_shape(shape)
    if not isinstance(items, list) or len(items) != math.prod(sizes):
        raise MalformedError(f"an array of objects of shape {sizes} over foreign data")
    flat = np.empty(len(items), dtype=object)
    for index, item in enumerate(items):
        flat[index] = item
    return flat.reshape(sizes, order="F" if fortran else "C")


def set_array_state(node: Array, state: object) -> None:
    """Fill an array from the state that `numpy.ndarray.__reduce__` writes."""
    if node.values is not None or not isinstance(state, tuple) or len(state) != 5:
        raise MalformedError("an array with a foreign state")
    _version, shape, dtype, fortran, data = state
    if dtype_of(dtype).kind == "O":
        node.values = array_of_objects(data, shape, fortran=bool(fortran))
    else:
        node.values = array_from_bytes(data, dtype_of(dtype), shape, fortran=bool(fortran))


def plain_shape(shape: object) -> tuple[int, ...]:
    """Return a shape of a few lengths that are in range."""
    sizes = shape if isinstance(shape, tuple | list) else ()
    if not isinstance(shape, tuple | list) or len(sizes) > limits.MAX_ARRAY_DIMENSIONS:
        raise MalformedError("an array without a plain shape")
    for size in sizes:
        if type(size) is not int or not 0 <= size < limits.MAX_ARRAY_LENGTH:
            raise MalformedError("an array of a foreign length")
    return tuple(int(size) for size in sizes)


def _checked(flat: Any) -> Any:
    """Refuse bytes that are not a value of their dtype; C code may not expect them."""
    if flat.dtype.kind == "b" and (flat.view(np.uint8) > 1).any():
        raise MalformedError("truth values other than 0 and 1")
    if flat.dtype.kind == "U" and flat.dtype.itemsize:
        points = flat.view(np.dtype(np.uint32).newbyteorder(flat.dtype.byteorder))
        if (points > _MAX_CODE_POINT).any():
            raise MalformedError("text that is no Unicode")
    return flat
