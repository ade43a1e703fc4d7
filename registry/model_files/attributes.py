"""Finds which attributes an object of a class may have: those that scikit-learn's own code sets.

Asked of the compiled modules themselves, so that the answer follows the installed version.
"""

from __future__ import annotations

import dis
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from types import CodeType

from registry.model_files.families import Family, family

_STORE, _DELETE = "STORE_ATTR", "DELETE_ATTR"
_LOADS = ("LOAD_FAST", "LOAD_DEREF", "STORE_FAST_LOAD_FAST")
# What methods and helpers call the estimator; they also set attributes of arrays, tags and nodes.
_OWNERS = frozenset({"self", "estimator", "clf", "new_object"})
# Set by functions of these modules on the estimator that they are handed.
_HELPERS = (
    "sklearn.base", "sklearn.utils._set_output", "sklearn.utils.multiclass",
    "sklearn.utils.validation",
)  # fmt: skip
_ALWAYS = frozenset({"_sklearn_version", "_sklearn_output_config"})


@cache
def parameters(cls: type) -> frozenset[str]:
    """Return the names of a class's constructor parameters."""
    init = cls.__init__  # type: ignore[misc]
    if init is object.__init__:
        return frozenset()
    found = inspect.signature(init).parameters.values()
    plain = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    return frozenset(p.name for p in found if p.kind in plain and p.name != "self")


@cache
def known_attributes(cls: type) -> frozenset[str]:
    """Return every attribute that scikit-learn's code sets on an object of a class.

    Not one that `fit` deletes again: it tells the other methods that fitting goes on, in which
    they trust their caller.
    """
    names = set(_ALWAYS) | parameters(cls)
    # Parts of estimators have attributes that their owners set, by any name.
    is_estimator = family(cls) is Family.ESTIMATOR
    if family(cls) is Family.METADATA:
        names |= set(importlib.import_module("sklearn.utils._metadata_requests").METHODS)
    classes = {base.__qualname__ for base in cls.__mro__}
    modules = {base.__module__ for base in cls.__mro__ if base.__module__.startswith("sklearn.")}
    for module in (*sorted(modules), *_HELPERS):
        for owner, on_itself, on_any in _stored(module):
            if not is_estimator:
                names |= on_any
            elif owner is None or owner in classes:
                names |= on_itself
    for base in cls.__mro__:
        names |= set(getattr(base, "__annotations__", {}))
    return frozenset(names - _while_fitting(cls))


@lru_cache(maxsize=16384)
def shadows(cls: type, name: str) -> bool:
    """Return whether an attribute would hide a method or a property of the class."""
    missing = object()
    found = inspect.getattr_static(cls, name, missing)
    return found is not missing and (callable(found) or hasattr(type(found), "__get__"))


def _while_fitting(cls: type) -> frozenset[str]:
    """Return the private attributes that a class's `fit` deletes; it keeps some of its results."""
    return frozenset(
        name
        for base in cls.__mro__
        if base.__module__.startswith("sklearn.")
        for part in _parts_of(base.__module__)
        if part.co_qualname == f"{base.__qualname__}.fit"
        for name, _on in _names(part, _DELETE)
        if name.startswith("_")
    )


@cache
def _stored(module: str) -> tuple[tuple[str | None, frozenset[str], frozenset[str]], ...]:
    """Return the attributes that each class, and each plain function, of a module sets.

    Of each: its name or None, what it sets on an estimator, and what it sets on anything.
    """
    code = _code(module)
    if code is None:
        return ()
    found = []
    for inner in (c for c in code.co_consts if isinstance(c, CodeType)):
        is_function = inner.co_flags & inspect.CO_NEWLOCALS
        names = [pair for part in _parts(inner) for pair in _names(part, _STORE)]
        on_itself = frozenset(name for name, on in names if on in _OWNERS)
        owner = None if is_function else inner.co_qualname
        found.append((owner, on_itself, frozenset(name for name, _on in names)))
    return tuple(found)


def _code(module: str) -> CodeType | None:
    spec = (
        sys.modules[module].__spec__ if module in sys.modules else importlib.util.find_spec(module)
    )
    loader = spec.loader if spec is not None else None
    get_code = getattr(loader, "get_code", None)
    code = get_code(module) if get_code is not None else None
    return code if isinstance(code, CodeType) else None


@cache
def _parts_of(module: str) -> tuple[CodeType, ...]:
    code = _code(module)
    return tuple(_parts(code)) if code is not None else ()


def _parts(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _parts(constant)


def _names(code: CodeType, wanted: str) -> Iterator[tuple[str, str | None]]:
    """Yield the attributes that a code sets or deletes, each with the variable that has it.

    The variable is None where an attribute or a result has it.
    """
    before: str | None = None
    for instruction in dis.get_instructions(code):
        kind = instruction.opname
        if kind == wanted:
            yield instruction.argval, before
        if kind.startswith(_LOADS):
            value = instruction.argval  # newer versions load two variables at once
            before = value[-1] if isinstance(value, tuple) else value
        elif kind not in {"CACHE", "EXTENDED_ARG"}:
            before = None
