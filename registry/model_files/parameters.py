"""Judges constructor parameters by scikit-learn's own constraints, without callables and files."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

from registry.model_files import known, limits
from registry.model_files.attributes import parameters
from registry.model_files.families import Family, family
from registry.model_files.nodes import Array, Instance
from registry.model_files.plain import describe, kind_problem, plain_problem, scalar_problem

_FROZEN = ("sklearn.frozen._frozen", "FrozenEstimator")
_OF_PAIRS = frozenset({"KernelRidge", "KernelPCA", "Nystroem"})
# What `pairwise_kernels` passes on; `n_jobs` is no matter of the data.
_KERNEL_KEYWORDS = frozenset({"gamma", "degree", "coef0"})
_KEYWORDS = frozenset({"decimals", "a_min", "a_max", "min", "max", "nan", "posinf", "neginf"})


def parameter_problem(cls: type, name: str, value: object) -> str | None:
    """Return why a class may not have this value for a parameter, or None if it may.

    Objects that stand in a parameter are judged by the caller afterwards.
    """
    special = _SPECIAL.get(name)
    if special is not None:
        return special(value)
    constraints = _constraints(cls).get(name)
    if name in _FUNCTIONS and callable in (constraints or ()) and callable(value):
        return None if _FUNCTIONS[name](value) else f"{describe(value)} (expected a plain function)"
    if name == "scoring" and isinstance(value, Instance | dict):
        return _scoring(value)
    if isinstance(value, Instance):
        return _object_problem(cls, name, value)
    if constraints is not None and (value is None or isinstance(value, bool | int | str)):
        return _cheap_problem(cls, name, type(value).__name__, value)
    return plain_problem(value) or _constraint_problem(cls, constraints, value)


@lru_cache(maxsize=4096)
def _cheap_problem(cls: type, name: str, _kind: str, value: bool | int | str | None) -> str | None:
    """Check a scalar once; ensembles repeat the same few in each member."""
    return plain_problem(value) or _constraint_problem(cls, _constraints(cls)[name], value)


def _constraint_problem(cls: type, constraints: list[Any] | None, value: object) -> str | None:
    if constraints is None or any(_satisfied(c, _seen(value)) for c in constraints):
        return None
    return f"{describe(value)}, which {cls.__name__} does not accept"


def is_judged(cls: type, name: str) -> bool:
    """Return whether an attribute is a parameter with constraints, by scikit-learn or here."""
    return name in parameters(cls) and (name in _SPECIAL or name in _constraints(cls))


@cache
def _constraints(cls: type) -> Mapping[str, list[Any]]:
    found = getattr(cls, "_parameter_constraints", None)
    if not isinstance(found, dict):
        return {}
    return {
        name: list(constraints) if isinstance(constraints, list) else [constraints]
        for name, constraints in found.items()
        if constraints != "no_validation" and constraints != ["no_validation"]
    }


def _seen(value: object) -> object:
    """Return a plain value as scikit-learn will see it."""
    return value.values if isinstance(value, Array) else value


def _satisfied(constraint: Any, value: object) -> bool:
    from sklearn.utils._param_validation import make_constraint

    if constraint is callable:
        return False
    try:
        return bool(make_constraint(constraint).is_satisfied_by(value))
    except Exception:
        # A comparison with an array, for example. Not satisfied, for any reason.
        return False


def _object_problem(cls: type, name: str, value: Instance) -> str | None:
    """Check that an object may stand where a parameter belongs."""
    kind = family(value.cls)
    if kind is Family.SPARSE:
        return plain_problem(value)
    for constraint in _constraints(cls).get(name, ()):
        methods = getattr(constraint, "methods", None)
        if methods is not None and kind is Family.ESTIMATOR:
            if all(callable(getattr(_thawed(value).cls, method, None)) for method in methods):
                return None
        elif constraint is callable and kind is Family.KERNEL:
            # These hand a kernel on to `pairwise_kernels`, which knows Gaussian ones.
            if name == "kernel" and cls.__name__ in _OF_PAIRS:
                return None
        elif isinstance(constraint, type) and constraint is not object:
            if issubclass(value.cls, constraint):
                return None
        elif (constraint == "cv_object" and kind is Family.SPLITTER) or (
            constraint == "random_state" and kind is Family.RANDOM
        ):
            return None
    return f"{describe(value)} where a plain parameter belongs"


def _thawed(value: Instance) -> Instance:
    """Return the estimator inside a frozen one."""
    while (value.cls.__module__, value.cls.__name__) == _FROZEN and isinstance(value.state, dict):
        inner = value.state.get("estimator")
        if not isinstance(inner, Instance):
            break
        value = inner
    return value


def _only(expected: object) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        if type(value) is type(expected) and value == expected:
            return None
        return f"{describe(value)} (expected {expected!r})"

    return check


def _function(value: object) -> str | None:
    if value is None or known.is_transformation(value) or _is_check(value):
        return None
    return f"{describe(value)} (expected one of numpy's or scipy's plain functions)"


def _is_check(value: object) -> bool:
    """Return whether a value is `check_array` with plain options, as in histogram boosting."""
    if not isinstance(value, Instance) or family(value.cls) is not Family.PARTIAL:
        return False
    check = known.check_array()
    match value.args, value.state:
        case (only,), (function, (), dict() as options, None | {}):
            return (
                only is check
                and function is check
                and all(
                    isinstance(key, str) and _is_option(option) for key, option in options.items()
                )
            )
    return False


def _is_option(value: object) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(scalar_problem(v) is None or kind_problem(v) is None for v in values)


def _score(value: object) -> str | None:
    if known.is_score(value) or _is_score_with_options(value):
        return None
    return f"{describe(value)} where a score function belongs"


def _is_score_with_options(value: object) -> bool:
    """Return whether a value is a score function with plain options."""
    if not isinstance(value, Instance) or family(value.cls) is not Family.PARTIAL:
        return False
    match value.args, value.state:
        case (only,), (function, (), dict() as options, None | {}):
            if only is not function or not callable(function) or not known.is_score(function):
                return False
            own = inspect.signature(function).parameters
            return all(
                key in own and scalar_problem(option) is None and key != "n_jobs"
                for key, option in options.items()
            )
    return False


def _scoring(value: Instance | dict[object, object]) -> str | None:
    """Check a scorer, or a dict of scorers by name; the judge looks into the scorers."""
    for item in value.values() if isinstance(value, dict) else [value]:
        is_scorer = isinstance(item, Instance) and family(item.cls) is Family.SCORER
        if not isinstance(item, str) and not is_scorer:
            return f"{describe(item)} where a scorer belongs"
    return None


def _kernel_keywords(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        return f"{describe(value)} where keyword arguments belong"
    for key, item in value.items():
        if key not in _KERNEL_KEYWORDS or isinstance(item, str | bytes) or scalar_problem(item):
            return f"the keyword argument {str(key)[:40]}={describe(item)}"
    return None


def _keywords(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        return f"{describe(value)} where keyword arguments belong"
    for key, item in value.items():
        if key not in _KEYWORDS or isinstance(item, str | bytes) or scalar_problem(item):
            return f"the keyword argument {str(key)[:40]}={describe(item)}"
    return None


def _jobs(value: object) -> str | None:
    if value is None or (type(value) is int and abs(value) <= limits.MAX_JOBS):
        return None
    return f"{describe(value)} (expected at most {limits.MAX_JOBS} jobs)"


def _verbose(value: object) -> str | None:
    if isinstance(value, bool | int | float):
        return None
    return f"{describe(value)} where a number belongs"


def _estimators(value: object) -> str | None:
    """Leave lists of steps to their holder."""
    return None if isinstance(value, list | tuple) else f"{describe(value)} where steps belong"


# Which functions may stand where scikit-learn takes any; no prediction calls them.
_FUNCTIONS: dict[str, Callable[[object], bool]] = {
    "strategy": known.is_transformation,
    "oob_score": known.is_metric,
}
_SPECIAL: dict[str, Callable[[object], str | None]] = {
    "input": _only("content"),
    "memory": _only(None),
    "callback": _only(None),
    "callbacks": _only(None),
    "func": _function,
    "inverse_func": _function,
    "pooling_func": _function,
    "score_func": _score,
    "kw_args": _keywords,
    "inv_kw_args": _keywords,
    "metric_params": plain_problem,
    "n_jobs": _jobs,
    "verbose": _verbose,
    "dtype": kind_problem,
    "steps": _estimators,
    "estimators": _estimators,
    "transformers": _estimators,
    "transformer_list": _estimators,
    "kernel_params": _kernel_keywords,
    "pairwise_kernels_kwargs": _kernel_keywords,
}
