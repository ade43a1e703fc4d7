"""Walks the parameter values that a search tries; nothing reads them once the search is over."""

from __future__ import annotations

from collections.abc import Iterator

from registry.model_files import known
from registry.model_files.errors import MalformedError
from registry.model_files.families import Family, family
from registry.model_files.nodes import Array, Instance, Masked
from registry.model_files.plain import describe, kind_problem, plain_problem

ATTRIBUTES = frozenset({"param_grid", "param_distributions", "best_params_", "cv_results_"})
_FAMILIES = frozenset(
    {
        Family.ESTIMATOR, Family.KERNEL, Family.SPLITTER, Family.RANDOM, Family.SELECTOR,
        Family.SCORER,
    }
)  # fmt: skip


def is_search(cls: type) -> bool:
    """Return whether a class searches for the best parameters of another estimator."""
    return any(
        (base.__module__, base.__name__) == ("sklearn.model_selection._search", "BaseSearchCV")
        for base in cls.__mro__
    )


def choices(value: object) -> Iterator[Instance]:
    """Yield the objects among the choices; each must be judged.

    Raises:
        MalformedError: something stands there that no parameter may hold.
    """
    match value:
        case Instance() if family(value.cls) in _FAMILIES:
            yield value
        case dict():
            if plain_problem(list(value)) is not None:
                raise MalformedError("choices whose names are no plain data")
            for item in value.values():
                yield from choices(item)
        case list() | tuple() | set() | frozenset():
            for item in value:
                yield from choices(item)
        case Array() if value.values is not None and value.values.dtype.kind == "O":
            for item in value.values.ravel(order="K"):
                yield from choices(item)
        case Masked(Array() as data, Array() as mask) if plain_problem(mask) is None:
            yield from choices(data)
        case _:
            problem = plain_problem(value)
            if problem is not None and kind_problem(value) is not None and not _is_function(value):
                raise MalformedError(f"{describe(value)} among the choices of a search")


def _is_function(value: object) -> bool:
    return callable(value) and (
        known.is_transformation(value) or known.is_score(value) or known.is_metric(value)
    )
