"""Decides which models give the same answer for a bare array as for a table.

scikit-learn's own estimators turn a table of numbers into an array before they compute; doing
it for them takes two thirds off a small prediction. Whatever could look at column names keeps
its table: a model takes the shortcut only where everything that hangs on it is known, and where
the columns that it was fitted on are those of the table, in that order.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

_SCALARS = frozenset({type(None), bool, int, float, complex, str, bytes, range, slice})
_CONTAINERS = (list, tuple, set, frozenset)
_LIBRARIES = ("sklearn", "scipy", "numpy")
_READ_TABLES = frozenset({"compose", "feature_extraction"})
"""scikit-learn's packages that look at columns, but for one class."""
_TARGET = "TransformedTargetRegressor"
_OF_THE_TARGET = frozenset({"func", "inverse_func", "transformer", "transformer_"})
"""What that class never passes a table to."""
_KEEPS_TABLES = "_sklearn_output_config"
"""What `set_output` leaves behind: steps that make tables for the steps after them."""

_NAMES = "feature_names_in_"


def takes_arrays(pyfunc: Any, labels: Sequence[str | int]) -> bool:
    """Whether everything that the loaded model is made of is known to take arrays.

    Args:
        pyfunc: the loaded model.
        labels: what its table calls the columns, in order.
    """
    from sklearn.base import BaseEstimator

    estimator = getattr(pyfunc._model_impl, "sklearn_model", None)
    if not isinstance(estimator, BaseEstimator):
        return False
    try:
        return _all_known(estimator, list(labels))
    except Exception:  # a class of the model's own may break any protocol
        return False


def _all_known(estimator: object, labels: list[str | int]) -> bool:
    kinds = {isinstance(label, str) for label in labels}
    if len(kinds) > 1:
        return False  # scikit-learn refuses such a table
    named = kinds == {True}
    seen: dict[int, object] = {}
    waiting = [estimator]
    while waiting:
        part = waiting.pop()
        if type(part) in _SCALARS or id(part) in seen:
            continue
        seen[id(part)] = part
        if not _known(part) or (named and not _fitted_on(part, labels)):
            return False
        waiting.extend(_parts(part))
    return True


def _known(part: object) -> bool:
    """Whether this object, without what hangs on it, ignores column names."""
    if isinstance(part, np.ndarray | np.generic | np.dtype) or type(part) in (dict, *_CONTAINERS):
        return True
    home = part if callable(part) and hasattr(part, "__qualname__") else type(part)
    if isinstance(part, type) and home.__module__ == "builtins":
        return True
    library, _, rest = str(getattr(home, "__module__", "")).partition(".")
    if library not in _LIBRARIES or _KEEPS_TABLES in getattr(part, "__dict__", {}):
        return False
    name = str(getattr(home, "__name__", ""))
    if name == "FunctionTransformer":
        return False
    return rest.partition(".")[0] not in _READ_TABLES or name == _TARGET


def _fitted_on(part: object, labels: list[str | int]) -> bool:
    """Whether an estimator has seen these columns, or none with names.

    scikit-learn refuses a table with other names, or in another order; an array it would misread.
    """
    names = getattr(part, "__dict__", {}).get(_NAMES)
    return names is None or list(names) == labels


def _parts(part: object) -> Iterator[object]:
    if isinstance(part, np.ndarray):
        if part.dtype.hasobject:
            yield from _items(part.ravel().tolist())
        return
    if isinstance(part, dict):
        yield from _items(part.keys())
        yield from _items(part.values())
    elif isinstance(part, _CONTAINERS):
        yield from _items(part)
    if not callable(part) or not hasattr(part, "__qualname__"):
        skipped = _OF_THE_TARGET if type(part).__name__ == _TARGET else ()
        held: dict[str, object] = getattr(part, "__dict__", {})
        yield from _items(value for name, value in held.items() if name not in skipped)


def _items(items: Iterable[object]) -> Iterator[object]:
    return (item for item in items if type(item) not in _SCALARS)


def silence_name_warnings() -> None:
    """Keep scikit-learn from warning, on every call, that an array has no column names."""
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
