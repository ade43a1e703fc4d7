"""Changes every part of a fitted model, one at a time: shapes, types, and values out of range.

A change is named, and made on a fresh copy, so that a finding can be made again.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

_DEPTH = 5
_LONGEST = 50
"""Longer lists hold members of an ensemble, of which one stands for all."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Attributes:
        name: where it is, and what.
        is_array: whether an array is changed, or a sparse matrix.
        build: returns a copy of the honest model with the change; raises where none can be made.
    """

    name: str
    is_array: bool
    build: Callable[[], Any]


def mutants(model: Any) -> Iterator[Mutant]:
    """Yield every change of a model."""
    data = pickle.dumps(model)
    for path, value in _parts(model, (), set()):
        is_array = isinstance(value, np.ndarray) or scipy.sparse.issparse(value)
        for label, other in _changes(value):
            yield Mutant(f"{_shown(path)} {label}", is_array, _builder(data, path, other))
        if path and path[-1][0] == "attribute":
            yield Mutant(f"{_shown(path)} gone", False, _builder(data, path, _GONE))


class _Forged:
    """Stands for a compiled object in a file; no such object could be pickled itself."""

    def __init__(self, made: Any, arguments: Any, state: Any) -> None:
        self._reduced = (made, arguments, state)

    def __reduce__(self) -> tuple[Any, Any, Any]:
        return self._reduced


_GONE = object()
_Path = tuple[tuple[str, Any], ...]


def _shown(path: _Path) -> str:
    return "".join(f".{key}" if kind == "attribute" else f"[{key!r}]" for kind, key in path)


def _parts(value: Any, path: _Path, seen: set[int]) -> Iterator[tuple[_Path, Any]]:
    """Walk what a model holds; of a list, its first, unless it lists steps."""
    if len(path) > _DEPTH or (id(value) in seen and not isinstance(value, int | float)):
        return
    seen.add(id(value))
    if path:
        yield path, value
    for kind, key, inner in _inner(value):
        yield from _parts(inner, (*path, (kind, key)), seen)


def _inner(value: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(value, list | tuple) and len(value) <= _LONGEST:
        all_ = isinstance(value, tuple) or _are_steps(value)
        for index, item in enumerate(value if all_ else value[:1]):
            yield "item", index, item
    elif isinstance(value, np.ndarray) and value.dtype == object and value.size:
        yield "flat", 0, value.flat[0]
    elif isinstance(value, dict):
        for key in list(value)[:3]:
            yield "item", key, value[key]
    elif type(value).__module__.startswith(("sklearn.", "scipy.")):
        if not _is_compiled(value):
            for name in list(getattr(value, "__dict__", ())):
                yield "attribute", name, vars(value)[name]
        else:
            _made, arguments, state = _reduced(value)
            for index, argument in enumerate(arguments):
                if not isinstance(argument, type):
                    yield "argument", index, argument
            for key in list(state) if isinstance(state, dict) else range(len(state or ())):
                yield "state", key, state[key]


def _reduced(value: Any) -> tuple[Any, Any, Any]:
    parts = value.__reduce__()
    return parts[0], parts[1], parts[2] if len(parts) > 2 else None


def _are_steps(values: list[Any]) -> bool:
    return all(isinstance(item, tuple) and isinstance(item[0], str) for item in values)


def _is_compiled(value: Any) -> bool:
    """Return whether an object is set up by `__setstate__` alone: trees and their like."""
    return not getattr(value, "__dict__", None) and hasattr(value, "__setstate__")


def _builder(data: bytes, path: _Path, other: Any) -> Callable[[], Any]:
    return lambda: _put(pickle.loads(data), path, other)


def _put(value: Any, path: _Path, other: Any) -> Any:
    """Return a value with one part exchanged; in place where that can be done."""
    if not path:
        return other
    (kind, key), rest = path[0], path[1:]
    if kind == "attribute":
        if not rest and other is _GONE:
            del vars(value)[key]
        else:
            vars(value)[key] = _put(vars(value)[key], rest, other)
        return value
    if kind == "flat":
        value.flat[key] = _put(value.flat[key], rest, other)
        return value
    if kind in ("state", "argument"):
        made, arguments, state = _reduced(value)
        if kind == "argument":
            arguments = _put(arguments, (("item", key), *rest), other)
        else:
            state = {**state} if isinstance(state, dict) else state
            state = _put(state, (("item", key), *rest), other)
        return _Forged(made, arguments, state)
    if isinstance(value, tuple):
        items = [*value]
        items[key] = _put(items[key], rest, other)
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    value[key] = _put(value[key], rest, other)
    return value


def _changes(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, np.ndarray):
        yield from _array_changes(value)
    elif isinstance(value, bool | np.bool_):
        yield "not", not value
    elif isinstance(value, int | np.integer):
        for other in (0, -1, int(value) + 1, 10**6, 2**31, 2**63 - 1):
            yield f"is {other}", other
    elif isinstance(value, float | np.floating):
        for number in (float("nan"), -1.0, 1e9):
            yield f"is {number}", number
    elif scipy.sparse.issparse(value):
        for part in ("indices", "indptr", "data"):
            for label, changed in _array_changes(getattr(value, part)):
                copy = pickle.loads(pickle.dumps(value))
                vars(copy)[part] = changed
                yield f".{part} {label}", copy
    elif isinstance(value, list) and value:
        yield "one", value[:1]
        yield "twice", value * 2
        yield "none", []
    elif isinstance(value, tuple) and value and not hasattr(value, "_fields"):
        yield "one", value[:1]
        yield "twice", value * 2
    elif value is None:
        yield "is one", np.zeros(1)


def _array_changes(values: Any) -> Iterator[tuple[str, Any]]:
    if values.dtype.names is not None:
        for name in values.dtype.names:
            for label, changed in _value_changes(values[name]):
                copy = values.copy()
                copy[name] = changed
                yield f"{name} {label}", copy
        yield "one", values[:1].copy()
        return
    if not values.size or not values.ndim:
        return
    yield "one", values[:1].copy()
    yield "none", values[:0].copy()
    yield "long", np.concatenate([values] * 3)
    if values.ndim == 2:
        yield "narrow", values[:, :1].copy()
        yield "wide", np.hstack([values] * 3)
        yield "flat", values.ravel()
        yield "turned", np.ascontiguousarray(values.T)
        yield "corner", values[:1, :1].copy()
    elif values.ndim == 1:
        yield "tall", values.reshape(-1, 1)
    if values.dtype.kind in "fiub":
        yield from _value_changes(values)
        for code in ("f8", "f4", "i8", "i4", "u8", "b1", "O"):
            if values.dtype != np.dtype(code):
                with np.errstate(all="ignore"):
                    yield f"as {code}", values.astype(code)


def _value_changes(values: Any) -> Iterator[tuple[str, Any]]:
    kind = values.dtype.kind
    if kind in "iu":
        most = np.iinfo(values.dtype).max
        one = values.copy()
        one.flat[0] = most
        yield "one huge", one
        last = values.copy()
        last.flat[-1] = min(10**6, most)
        yield "last large", last
        yield "huge", np.full_like(values, most)
        yield "large", np.full_like(values, min(10**7, most))
        yield "same", np.zeros_like(values)
        yield "more", values + np.ones_like(values)
        if kind == "i":
            yield "negative", np.full_like(values, -5)
    elif kind == "f":
        yield "nan", np.full_like(values, np.nan)
        yield "large", np.full_like(values, np.finfo(values.dtype).max)
        yield "negated", -values
        yield "turned round", values[::-1].copy()
