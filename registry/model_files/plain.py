"""Defines plain data: scalars, text, arrays and containers of them. No class, no function."""

from __future__ import annotations

import re

import numpy as np

from registry.model_files import known, limits
from registry.model_files.families import Family, family
from registry.model_files.lowlevel import sparse_problem
from registry.model_files.nodes import Array, DType, Instance, Masked, Named, Unknown
from registry.model_files.numpy_values import is_plain

_LARGEST = 2**64
_KIND = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}(\[(Y|M|W|D|h|m|s|ms|us|ns)\])?")


def plain_problem(value: object) -> str | None:
    """Return why a value is no plain data, or None if it is. The tree must have no cycles."""
    scalar = scalar_problem(value)
    if scalar is None:
        return None
    match value:
        case Array():
            return _array_problem(value)
        case list() | tuple() | set() | frozenset():
            return _first(value)
        case dict():
            return _first(value) or _first(value.values())
        case Masked():
            # The rules about arrays would take it for none; `choices` reads a search's results.
            return "a masked array, which the results of a search alone may hold"
        case Instance() if family(value.cls) is Family.SPARSE:
            return sparse_problem(value)
        case _:
            return scalar


def scalar_problem(value: object) -> str | None:
    """Return why a value is no plain scalar, or None if it is."""
    match value:
        case None | bool() | float() | complex():
            return None
        case int():
            return None if abs(value) <= _LARGEST else "a number beyond 64 bits"
        case str() | bytes():
            return None if len(value) <= limits.MAX_TEXT_CHARACTERS else "a text without end"
        case np.generic():
            return None if is_plain(value.dtype) else f"a numpy value of dtype {value.dtype}"
        case slice():
            return None
        case range():
            return None if abs(value.stop - value.start) <= _LARGEST else "a range without end"
        case _:
            return f"{describe(value)} where plain data belongs"


def describe(value: object) -> str:
    """Describe a value for a person."""
    match value:
        case Instance():
            return f"{_article(value.cls.__name__)} {value.cls.__name__}"
        case Named() | Unknown():
            return f"the global {value.label}"
        case Array():
            return "an array"
        case Masked():
            return "a masked array"
        case str():
            return f"the text {value[:40]!r}"
        case None | bool() | int() | float():
            return f"{str(value)[:40]}"
        case np.ufunc():
            return f"the function {value.__name__}"
        case type():
            return f"the type {value.__name__}"
        case _ if callable(value):
            return f"the function {getattr(value, '__name__', '?')}"
        case _:
            return f"{_article(type(value).__name__)} {type(value).__name__}"


def _article(word: str) -> str:
    return "an" if word[:1] in "AEIOaeio" else "a"


def _array_problem(node: Array, *, inner: bool = False) -> str | None:
    values = node.values
    if values is None:
        return "an array without data"
    if inner and values.dtype.hasobject:
        return "an array of objects inside another"
    if values.dtype.hasobject:
        if values.dtype.kind != "O":
            return "an array of hidden objects"
        for item in values.ravel(order="K"):
            numbers = isinstance(item, Array) and not _array_problem(item, inner=True)
            problem = None if numbers else scalar_problem(item)
            if problem is not None:
                return f"an array that holds {problem}"
        return None
    return None if is_plain(values.dtype) else "a structured array where plain data belongs"


def _first(values: object) -> str | None:
    for value in values:  # type: ignore[attr-defined]
        problem = plain_problem(value)
        if problem is not None:
            return problem
    return None


def kind_problem(value: object) -> str | None:
    """Return why a value cannot stand for a dtype, or None if it can."""
    if isinstance(value, str):
        return None if _KIND.fullmatch(value) else "a foreign dtype"
    kind = value.value if isinstance(value, DType) else value
    if kind is None or known.is_kind(kind):
        return None
    return f"{describe(value)} where a dtype belongs"
