"""Defines the tree into which both formats are read.

Plain values stand for themselves: None, truth values, numbers, text, bytes, lists, tuples, dicts,
sets, slices, numpy scalars and dtypes, and the few functions and types of `known`. Only what a file
would build by a call is a node. Nodes compare by identity, so that no value decides their equality.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(eq=False, slots=True)
class Named:
    """A class or constructor that the file names; imported from a fixed list, never from the file.

    Attributes:
        target: the class, or None for a constructor that is only ever imitated.
    """

    label: str
    target: type | None = None


@dataclass(eq=False, slots=True)
class Unknown:
    """Stands for something refused, so that reading can go on and find more."""

    label: str


@dataclass(eq=False, slots=True)
class DType:
    """A numpy dtype as the file describes it."""

    value: Any
    code: str
    built: bool = False


@dataclass(eq=False, slots=True)
class Array:
    """A numpy array; elements of dtype object are values of the tree."""

    values: Any = None


@dataclass(eq=False, slots=True)
class Masked:
    """A numpy masked array."""

    data: Array | None = None
    mask: Array | None = None


@dataclass(eq=False, slots=True)
class Instance:
    """An object of a known class.

    Attributes:
        args: what the class is called with; only for classes that are made by a call.
        state: what the file would set on it.
        items: entries, for the one class that is a dict.
    """

    cls: type
    args: tuple[object, ...] = ()
    state: object = None
    items: dict[object, object] | None = None

    @property
    def label(self) -> str:
        """Return the module and name of the class."""
        return f"{self.cls.__module__}.{self.cls.__qualname__}"


@dataclass(eq=False, slots=True)
class Method:
    """A method that an object keeps of another; leads back, and is never followed."""

    owner: Instance
    name: str


def children(value: object) -> Iterator[object]:
    """Yield what a value holds, in the order written."""
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    elif isinstance(value, Array):
        if value.values is not None and value.values.dtype.hasobject:
            yield from value.values.ravel(order="K")
    elif isinstance(value, Masked):
        yield value.data
        yield value.mask
    elif isinstance(value, Instance):
        yield from value.args
        yield value.state
        if value.items is not None:
            yield value.items


def array(value: object) -> Any:
    """Return the numpy array of an array node, or None for anything else."""
    return value.values if isinstance(value, Array) else None
