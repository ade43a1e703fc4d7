"""Arrays whose type or shape is not what their bytes are."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from io import BytesIO

import numpy as np

from tests.support.hostile.kit import (
    PROTO_4,
    Effect,
    Hostile,
    Kind,
    Site,
    call,
    name,
    raw,
    text,
)

_CORE = "numpy._core.multiarray"


def _bytes(value: bytes) -> bytes:
    return pickle.BINBYTES + struct.pack("<I", len(value)) + value


def _number(value: int) -> bytes:
    return b"I%d\n" % value


def _tuple(*parts: bytes) -> bytes:
    return pickle.MARK + b"".join(parts) + pickle.TUPLE


def _dtype(code: str) -> bytes:
    return call("numpy", "dtype", text(code), pickle.NEWFALSE, pickle.NEWTRUE)


def _empty(kind: bytes | None = None, shape: bytes | None = None) -> bytes:
    array = kind or name("numpy", "ndarray")
    return call(_CORE, "_reconstruct", array, shape or _tuple(_number(0)), _bytes(b"b"))


def _array(shape: tuple[int, ...], dtype: bytes, data: bytes) -> bytes:
    """Return an array by the state that it is given."""
    state = _tuple(_number(1), _tuple(*map(_number, shape)), dtype, pickle.NEWFALSE, data)
    return _empty() + state + pickle.BUILD


def _void(*state: bytes) -> bytes:
    """Return a type of eight bytes with the rest of its state forged."""
    return _dtype("V8") + _tuple(_number(3), text("|"), *state) + pickle.BUILD


def _fields_of_objects(_site: Site) -> bytes:
    """Have raw bytes read as pointers: a field of objects whose type denies to hold any."""
    fields = b"}" + text("f") + _tuple(_dtype("O8"), _number(0)) + b"s"
    forged = _void(b"N", _tuple(text("f")), fields, _number(8), _number(1), _number(0))
    return _stream(_array((4,), forged, _bytes(b"\x41" * 32)))


def _flags_without_objects(_site: Site) -> bytes:
    forged = _dtype("O8") + _tuple(
        _number(3), text("|"), b"N", b"N", b"N", _number(8), _number(8), _number(0)
    )
    return _stream(_array((4,), forged + pickle.BUILD, _bytes(b"\x41" * 32)))


def _longer_items(_site: Site) -> bytes:
    """Announce items that are longer than the bytes that follow."""
    forged = _void(b"N", b"N", b"N", _number(1 << 30), _number(1), _number(0))
    return _stream(_array((2,), forged, _bytes(b"\x00" * 16)))


def _subarray(_site: Site) -> bytes:
    shape = _tuple(_dtype("O8"), _tuple(_number(1)))
    forged = _void(shape, b"N", b"N", _number(8), _number(1), _number(0))
    return _stream(_array((4,), forged, _bytes(b"\x41" * 32)))


def _metadata(site: Site) -> bytes:
    """Hide a call in a type's state of version 4, which carries a dict of its own."""
    more = _tuple(b"}" + text("x") + call("posix", "mkdir", text(str(site.marker))) + b"s", b"}")
    forged = _dtype("f8") + _tuple(
        _number(4), text("<"), b"N", b"N", b"N", _number(-1), _number(-1), _number(0), more
    )
    return _stream(forged + pickle.BUILD)


def _stream(value: bytes) -> bytes:
    return PROTO_4 + value + pickle.STOP


def _npy(array: np.ndarray) -> bytes:
    file = BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def _row(name: str, make: Callable[[Site], bytes], effect: Effect = Effect.UNTRIED) -> Hostile:
    return raw(name, make, effect, Kind.NUMPY)


class _Calls:
    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.mkdir, (self.marker,)


ARRAYS: tuple[Hostile, ...] = (
    _row("fields of objects that the type denies", _fields_of_objects),
    _row("objects that the flags deny", _flags_without_objects),
    _row("items longer than the bytes", _longer_items),
    _row("a sub-array of objects", _subarray),
    _row("a call in a type's metadata", _metadata, Effect.MARKER),
    _row("an array of objects with a call in it",
         lambda s: pickle.dumps(np.array([_Calls(str(s.marker))], dtype=object)), Effect.MARKER),
    _row("a mapped file by _reconstruct",
         lambda _s: _stream(_empty(name("numpy", "memmap")))),
    _row("an estimator by _reconstruct",
         lambda _s: _stream(_empty(name("sklearn.linear_model._logistic", "LogisticRegression")))),
    _row("a terabyte by _reconstruct",
         lambda _s: _stream(call(_CORE, "_reconstruct", name("numpy", "ndarray"),
                                 _tuple(_number(10**12)), _bytes(b"d"))), Effect.EXHAUSTED),
    _row("a terabyte by ndarray",
         lambda _s: _stream(call("numpy", "ndarray", _tuple(_number(10**12)), text("f8"))),
         Effect.EXHAUSTED),
    _row("a giant shape on a few bytes",
         lambda _s: _stream(_array((10**6, 10**6), _dtype("f8"), _bytes(b"\x00" * 64)))),
    _row("a negative shape",
         lambda _s: _stream(_array((-1, 8), _dtype("f8"), _bytes(b"\x00" * 64)))),
    _row("a shape of a thousand axes",
         lambda _s: _stream(_array((1,) * 1000, _dtype("f8"), _bytes(b"\x00" * 8)))),
    _row("a scalar of objects",
         lambda s: _stream(call(_CORE, "scalar", _dtype("O8"),
                                call("posix", "mkdir", text(str(s.marker))))), Effect.MARKER),
    _row("a type by a name of a terabyte", lambda _s: _stream(_dtype("V999999999999"))),
    _row("a type of ten thousand fields",
         lambda _s: _stream(_dtype(",".join(["f8"] * 10_000)))),
    _row("an array file instead of a pickle",
         lambda s: _npy(np.array([_Calls(str(s.marker))], dtype=object))),
    _row("an array whose state is set twice",
         lambda _s: _stream(_array((2,), _dtype("f8"), _bytes(b"\x00" * 16))
                            + _tuple(_number(1), _tuple(_number(1 << 40)), _dtype("f8"),
                                     pickle.NEWFALSE, _bytes(b"")) + pickle.BUILD)),
    _row("an array as the model",
         lambda _s: pickle.dumps(np.zeros(3))),
    _row("a generator with a forged state",
         lambda _s: _stream(call("numpy.random._pickle", "__bit_generator_ctor", text("MT19937"))
                            + b"}" + text("state") + b"}" + text("pos") + _number(1 << 40)
                            + b"ss" + pickle.BUILD)),
)  # fmt: skip
