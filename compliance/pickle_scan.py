"""Reads a pickle without running it, and says what it would have called.

CPython's own pure-Python unpickler interprets the stream, so that memo and stack behave exactly
as they will on loading; but every global is an inert stand-in, and every opcode that would call
or change something only records it. What is not on the allow-list is a violation: lists of known
bad names are structurally bypassable (31 to 65 of 72 malicious files found, against 72 here).
"""

from __future__ import annotations

import importlib
import io
import pickle
import re
import struct
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

SHOWN_VIOLATIONS = 20

_EXACT = frozenset(
    {
        ("builtins", name)
        for name in (
            "object", "set", "frozenset", "slice", "range", "complex", "bytearray",
            "int", "float", "bool", "str", "bytes", "list", "dict", "tuple",
        )
    }
    | {
        ("collections", "OrderedDict"),
        ("collections", "defaultdict"),
        ("copyreg", "_reconstructor"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("numpy.random._pickle", "__randomstate_ctor"),
        ("numpy.random._pickle", "__generator_ctor"),
        ("numpy.random._pickle", "__bit_generator_ctor"),
        ("numpy.random._mt19937", "MT19937"),
        ("numpy.random._pcg64", "PCG64"),
        ("numpy.random.bit_generator", "SeedSequence"),
        ("scipy.sparse._csr", "csr_matrix"),
        ("scipy.sparse._csr", "csr_array"),
        ("scipy.sparse._csc", "csc_matrix"),
        ("scipy.sparse._csc", "csc_array"),
        ("scipy.interpolate._interpolate", "interp1d"),
        ("sklearn.neighbors._kd_tree", "newObj"),
        ("sklearn.neighbors._ball_tree", "newObj"),
        ("sklearn.metrics._dist_metrics", "newObj"),
        ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"),
        ("numpy.ma", "MaskedArray"),
        ("numpy.ma.core", "_mareconstruct"),
    }
    | {
        (f"numpy.{core}.{module}", name)
        for core in ("core", "_core")
        for module, name in (
            ("multiarray", "_reconstruct"), ("multiarray", "scalar"), ("numeric", "_frombuffer"),
        )
    }
    | {
        ("numpy", name)
        for name in (
            "bool_", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
            "uint64", "float16", "float32", "float64", "str_", "object_",
        )
    }
)  # fmt: skip
_SKLEARN = re.compile(r"^sklearn(\.[A-Za-z_][A-Za-z0-9_]*)*$")
# Test helpers run commands, dataset loaders download: no estimator is made of them.
_NEVER = {"tests", "_testing", "datasets", "externals", "conftest", "experimental", "_build_utils"}


@cache
def is_allowed(module: str, name: str) -> bool:
    """Whether a global may appear: named in our list, or a class that scikit-learn defines."""
    if (module, name) in _EXACT:
        return True
    if not _SKLEARN.match(module) or _NEVER & set(module.split(".")) or not name.isidentifier():
        return False
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError:
        return False
    if isinstance(found, type):
        return found.__module__ == module
    return name.startswith("__pyx_unpickle_") and callable(found)


@dataclass(frozen=True, slots=True)
class PickleReport:
    """What a pickle would do.

    Attributes:
        globals: every `module.name` it looks up, sorted.
        violations: what is not allowed; empty means nothing was found.
    """

    globals: tuple[str, ...]
    violations: tuple[str, ...]


class _Inert:
    """Stands for an object that was never made."""

    def append(self, _item: object) -> None: ...

    def extend(self, _items: object) -> None: ...

    def add(self, _item: object) -> None: ...

    def __setitem__(self, _key: object, _value: object) -> None: ...


class _Named(_Inert):
    """Stands for a global that was never imported."""

    def __init__(self, module: str, name: str) -> None:
        self.label = f"{module}.{name}"


class _Recorder(pickle._Unpickler):
    """Runs the stack machine; calls nothing, imports nothing that the stream names."""

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(pickle._Unpickler.dispatch)
    # The base class makes these while it loads.
    proto: int
    stack: list[Any]
    append: Callable[[object], None]
    read: Callable[[int], bytes]

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)
        self._size = len(data)
        super().__init__(self._file)
        self.names: set[str] = set()
        self.violations: dict[str, None] = {}

    def violate(self, text: str) -> None:
        if len(self.violations) < SHOWN_VIOLATIONS:
            self.violations[text] = None

    def find_class(self, module: Any, name: Any) -> _Named:
        if not isinstance(module, str) or not isinstance(name, str):
            self.violate("a global whose name is computed")
            return _Named("?", "?")
        if self.proto < 3:
            # As loading does: a module of Python 2 must not hide behind its old name.
            if (module, name) in NAME_MAPPING:
                module, name = NAME_MAPPING[(module, name)]
            else:
                module = IMPORT_MAPPING.get(module, module)
        named = _Named(module, name)
        self.names.add(named.label)
        if not is_allowed(module, name):
            self.violate(f"global {named.label}")
        return named

    def _call(self, function: object) -> _Inert:
        if not isinstance(function, _Named):
            self.violate("a call of something that is not a plain global")
        return _Inert()

    def load_reduce(self) -> None:
        self.stack.pop()
        self.stack[-1] = self._call(self.stack[-1])

    dispatch[pickle.REDUCE[0]] = load_reduce

    def load_newobj(self) -> None:
        self.stack.pop()
        self.stack[-1] = self._call(self.stack[-1])

    dispatch[pickle.NEWOBJ[0]] = load_newobj

    def load_newobj_ex(self) -> None:
        self.stack.pop()
        self.stack.pop()
        self.stack[-1] = self._call(self.stack[-1])

    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex

    def _instantiate(self, klass: object, _args: object) -> None:
        self.append(self._call(klass))

    def load_build(self) -> None:
        self.stack.pop()
        if not isinstance(self.stack[-1], _Inert):
            self.violate("state set on something that is not an object")
        elif isinstance(self.stack[-1], _Named):
            self.violate(f"state set on the global {self.stack[-1].label}")

    dispatch[pickle.BUILD[0]] = load_build

    def get_extension(self, code: int) -> None:
        self.violate(f"extension code {code}")
        self.append(_Inert())

    def persistent_load(self, _pid: object) -> _Inert:
        self.violate("a persistent id")
        return _Inert()

    def load_bytearray8(self) -> None:
        # CPython allocates the announced size before it reads; a lie costs 16 EiB.
        (size,) = struct.unpack("<Q", self.read(8))
        if size > self._size:
            raise pickle.UnpicklingError("a bytearray larger than the file")
        self.append(bytearray(self.read(size)))

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8

    def left_over(self) -> bool:
        return self._file.tell() < self._size


def scan(data: bytes) -> PickleReport:
    """Report on one pickle stream; never raises on what it holds.

    Any error while reading is a violation: a stream that breaks off may already have called
    something by then.
    """
    recorder = _Recorder(data)
    try:
        recorder.load()
        if recorder.left_over():
            recorder.violate("data after the end of the pickle")
    except RecursionError:
        recorder.violate("nested too deeply")
    except Exception as err:
        recorder.violate(f"not a well-formed pickle ({type(err).__name__}: {err})")
    return PickleReport(tuple(sorted(recorder.names)), tuple(recorder.violations))
