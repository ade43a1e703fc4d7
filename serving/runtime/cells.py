"""Converts JSON values to arrays of one numpy type, each value exactly or not at all.

JSON knows one kind of number and protobuf clients send every number as a double, so a whole
number is taken for one however it is written, up to 2^53: beyond that a double no longer says
which whole number was meant. Text is never a number and a boolean never is one either. A
fraction is read to the nearest number of its type, as every JSON reader does.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
DType = np.dtype[np.generic]

EXACT_WHOLE = 2**53
"""Up to here a double names one whole number only."""

_FEW = 64
_DOUBLE = np.dtype(np.float64)
_PLAIN_NUMBERS = frozenset({int, float, type(None)})
_SURELY_EXACT = {"float64": 2.0**53, "float32": 2.0**24, "float16": 2.0**11}


class MisfitError(Exception):
    """A value that its type does not hold.

    Attributes:
        index: its place among the values.
        expected: what would fit.
    """

    def __init__(self, index: int, expected: str) -> None:
        super().__init__(expected)
        self.index = index
        self.expected = expected


class WrongError(Exception):
    """One value does not fit its type; carries what was expected."""


def each(values: Sequence[object], convert: Callable[[object], object]) -> list[object]:
    """Convert every value.

    Raises:
        MisfitError: the first value that does not fit.
    """
    cells: list[object] = []
    for index, value in enumerate(values):
        try:
            cells.append(convert(value))
        except WrongError as err:
            raise MisfitError(index, str(err)) from None
    return cells


def plain_reals(values: Sequence[object], kinds: set[type], dtype: DType) -> Array | None:
    """Convert numbers and nulls, which may be rows of them, in one numpy call.

    Returns:
        None where a closer look is needed: other kinds, or numbers that may not fit.
    """
    if not kinds <= _PLAIN_NUMBERS:
        return None
    try:
        wide = np.array(values, dtype=np.float64)
    except OverflowError:
        return None
    if int not in kinds and dtype == _DOUBLE:
        # Doubles are what JSON's fractions were read to: only infinities are left to find.
        return wide if np.isfinite(wide).all() or not np.isinf(wide).any() else None
    if (np.abs(wide) >= _SURELY_EXACT[dtype.name]).any():
        return None
    if dtype == _DOUBLE:
        return wide
    narrow: Array = wide.astype(dtype)
    return narrow if ((narrow == 0) == (wide == 0)).all() else None


def reals(values: Sequence[object], dtype: DType) -> Array:
    """Convert to floating-point numbers; null becomes NaN.

    Raises:
        MisfitError: no number, an infinity, a whole number that the type does not hold exactly,
            or one beyond its range.
    """
    kinds = set(map(type, values))
    if dtype == _DOUBLE and _few_finite(values, kinds):
        return np.array(values, dtype=dtype)
    found = plain_reals(values, kinds, dtype)
    if found is not None:
        return found
    return np.array(each(values, lambda value: _real(value, dtype)), dtype=dtype)


def _few_finite(values: Sequence[object], kinds: set[type]) -> bool:
    """Whether these are finite floats, and so few that Python checks them faster than numpy."""
    return (
        kinds == {float}
        and len(values) < _FEW
        and math.inf not in values
        and -math.inf not in values
    )


def _real(value: object, dtype: DType) -> object:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongError("a number")
    if isinstance(value, float) and math.isinf(value):
        raise WrongError("a number that is finite")
    try:
        with np.errstate(over="ignore", under="ignore"):
            found = dtype.type(float(value))
    except OverflowError:
        raise WrongError(f"a number in the range of {dtype.name}") from None
    if np.isinf(found) or (found == 0 and value != 0):
        raise WrongError(f"a number in the range of {dtype.name}")
    # From 2^53 on a fraction names no whole number, and is read to the nearest as others are.
    whole_number = isinstance(value, int) or (value.is_integer() and abs(value) < EXACT_WHOLE)
    if whole_number and int(found) != value:
        raise WrongError(f"a number that {dtype.name} holds exactly")
    return found


def check_range(values: Sequence[object], dtype: DType) -> None:
    """Check that numbers are in the range of a floating-point type, rounded or not.

    Raises:
        MisfitError: no number, or one that would become an infinity.
    """
    kinds = set(map(type, values))
    if dtype == _DOUBLE and _few_finite(values, kinds):
        return
    found = plain_reals(values, kinds, _DOUBLE)
    if found is not None:
        with np.errstate(over="ignore"):
            if not np.isinf(found.astype(dtype)).any():
                return
    each(values, lambda value: _in_range(value, dtype))


def _in_range(value: object, dtype: DType) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongError("a number")
    if abs(value) > float(np.finfo(dtype).max):  # type: ignore[type-var]
        raise WrongError(f"a number in the range of {dtype.name}")


def wholes(values: Sequence[object], dtype: DType) -> Array:
    """Convert to whole numbers of `dtype`.

    Raises:
        MisfitError: no whole number, or one beyond the type. A null is none either: numpy's
            whole numbers have no missing value.
    """
    if set(map(type, values)) == {int}:
        try:
            return np.array(values, dtype=dtype)
        except OverflowError:
            pass
    return np.array(each(values, lambda value: whole(value, dtype)), dtype=dtype)


def whole(value: object, dtype: DType) -> int:
    """Convert one value to a whole number that `dtype` holds."""
    limits = np.iinfo(dtype)  # type: ignore[type-var]
    sign = "" if limits.min else ", not below 0"
    expected = f"a whole number of {limits.bits} bits{sign}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongError(expected)
    if isinstance(value, float):
        if not value.is_integer():
            raise WrongError(expected)
        if abs(value) >= EXACT_WHOLE:
            raise WrongError(f"{expected}, from 2^53 on without point and exponent")
    if not limits.min <= value <= limits.max:
        raise WrongError(expected)
    return int(value)


def booleans(values: Sequence[object]) -> Array:
    """Convert to booleans; nulls stay None in an array of objects.

    Raises:
        MisfitError: neither true nor false, nor 0 or 1, as protobuf's tensors write them.
    """
    cells = each(values, _boolean)
    return np.array(cells, dtype=object if None in cells else bool)


def _boolean(value: object) -> bool | None:
    if value is None:
        return None
    if isinstance(value, bool | int | float) and value in (0, 1):
        return bool(value)
    raise WrongError("true or false")


def text(value: object) -> str | None:
    """Convert one value to text; bytes are a V2 tensor's decoded base64."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise WrongError("UTF-8 text") from None
    raise WrongError("a string")


def binary(value: object) -> bytes | None:
    """Decode base64 text to bytes."""
    if value is None or isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise WrongError("a base64 string")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise WrongError("a base64 string") from None


def fixed_text(values: Sequence[object], dtype: DType) -> Array:
    """Convert to numpy's own text ("U") or bytes ("S"), which end before trailing NULs.

    Raises:
        MisfitError: no text, text that is not ASCII for bytes, or a NUL at its end.
    """

    def convert(value: object) -> object:
        found: object = value
        if dtype.kind == "S" and isinstance(value, str):
            if not value.isascii():
                raise WrongError("ASCII text")
            found = value.encode()
        elif dtype.kind == "U":
            found = text(value)
        if not isinstance(found, str | bytes):
            raise WrongError("a string")
        if found[-1:] in ("\0", b"\0"):
            raise WrongError("text that does not end in a NUL")
        return found

    return np.array(each(values, convert), dtype=dtype.kind)
