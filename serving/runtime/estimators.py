"""Which models may be handed a bare array instead of a table, with the same answer.

scikit-learn's own estimators turn a table of numbers into an array before they compute; doing
it for them takes two thirds off a small prediction. Whatever looks at column names, or isn't
scikit-learn's own code, keeps its table.
"""

from __future__ import annotations

import warnings
from typing import Any

_READS_NAMES = frozenset({"ColumnTransformer", "FunctionTransformer"})


def takes_arrays(pyfunc: Any) -> bool:
    """Whether the loaded model is scikit-learn's own code throughout and ignores names."""
    from sklearn.base import BaseEstimator

    estimator = getattr(pyfunc._model_impl, "sklearn_model", None)
    if not isinstance(estimator, BaseEstimator):
        return False
    try:
        parts = [estimator, *estimator.get_params(deep=True).values()]
    except Exception:  # a class of the model's own may break any protocol
        return False
    return all(_plain(part) for part in parts if isinstance(part, BaseEstimator))


def _plain(part: object) -> bool:
    kind = type(part)
    return kind.__module__.startswith("sklearn.") and kind.__name__ not in _READS_NAMES


def silence_name_warnings() -> None:
    """Keep scikit-learn from warning, on every call, that an array has no column names."""
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
