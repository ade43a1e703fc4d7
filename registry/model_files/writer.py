"""Writes a judged tree as a fresh pickle, so that the author's bytes are never loaded."""

from __future__ import annotations

import copyreg
import importlib
import pickle
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from registry.model_files import cf_trees, known, lowlevel
from registry.model_files.families import Family, family
from registry.model_files.nodes import Array, DType, Instance, Masked, Method, Named

# Arrays of protocol 5 may come back read-only, which compiled code does not take.
_PROTOCOL = 4
_SPARSE = ("_shape", "data", "indices", "indptr")
_Reduced = tuple[Any, ...]


def write(root: Instance, file: BinaryIO) -> None:
    """Write a tree that the judge accepted; any other tree may fail or mislead."""
    _Writer(file, _PROTOCOL).dump(root)


class _Writer(pickle.Pickler):
    """Turns nodes into the calls that loading makes; everything else is plain."""

    def reducer_override(self, obj: object) -> Any:
        match obj:
            case Array():
                return obj.values.__reduce__()
            case Masked():
                return np.ma.MaskedArray, (obj.data, obj.mask)
            case DType():
                return obj.value.__reduce__()
            case Instance():
                return _reduced(obj)
        return NotImplemented


def _reduced(node: Instance) -> _Reduced:
    match family(node.cls):
        case Family.TREE:
            return node.cls, node.args, node.state
        case Family.BINARY_TREE | Family.METRIC:
            module = importlib.import_module(node.cls.__module__)
            return module.newObj, (node.cls,), node.state
        case Family.LOSS_PART if not _is_plain(node.cls):
            return node.cls, node.args or _loss_arguments(node)
        case Family.TRIPLET:
            return node.cls, node.args
        case Family.PARTIAL:
            return node.cls, node.args, node.state
        case Family.RANDOM:
            return _random(node)
        case Family.BITS:
            pickling = importlib.import_module("numpy.random._pickle")
            return pickling.__bit_generator_ctor, (node.cls.__name__,), node.state
        case Family.SPLITTER if isinstance(node.state, dict):
            return *_blank(node.cls), {key: _class(value) for key, value in node.state.items()}
        case Family.ESTIMATOR if isinstance(node.state, dict):
            return *_blank(node.cls), _written(node.cls, node.state)
        case Family.SPARSE if isinstance(node.state, dict):
            # Flags about order are worked out again from the indices themselves.
            state = {key: node.state[key] for key in _SPARSE} | {"maxprint": 50}
            return *_blank(node.cls), state
        case Family.SPLINE if isinstance(node.state, dict):
            return *_blank(node.cls), node.state | {"_asarray": known.spline_helper()}
        case Family.BUNCH:
            return copyreg._reconstructor, (node.cls, dict, {}), None, None, _items(node)  # type: ignore[attr-defined]
    return *_blank(node.cls), node.state


def _is_plain(cls: type) -> bool:
    """Return whether a class is written in Python: its objects begin empty."""
    return "__new__" not in {name for base in cls.__mro__[:-1] for name in vars(base)}


def _blank(cls: type) -> tuple[Any, tuple[Any, ...]]:
    return copyreg._reconstructor, (cls, object, None)  # type: ignore[attr-defined]


def _written(cls: type, state: dict[str, Any]) -> dict[str, Any]:
    """Return an estimator's state without what only further fitting reads."""
    state = {key: value for key, value in state.items() if not isinstance(value, Method)}
    return cf_trees.without(state) if cf_trees.is_birch(cls) else state


def _class(value: object) -> object:
    """Return the class, even where a splitter names the one whose splits it repeats."""
    return value.target if isinstance(value, Named) else value


def _items(node: Instance) -> Iterator[tuple[object, object]]:
    return iter((node.items or {}).items())


def _loss_arguments(node: Instance) -> tuple[object, ...]:
    state = node.state if isinstance(node.state, dict) else {}
    return tuple(state.values())


def _random(node: Instance) -> _Reduced:
    numbers = lowlevel.bits_state(node)
    pickling = importlib.import_module("numpy.random._pickle")
    if node.cls is np.random.RandomState:
        return pickling.__randomstate_ctor, ("MT19937",), numbers
    kind = numbers["bit_generator"] if isinstance(numbers, dict) else "?"
    bits = Instance(getattr(np.random, kind), (), numbers)
    return pickling.__generator_ctor, (bits,)
