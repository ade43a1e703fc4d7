"""Every estimator of scikit-learn's, fitted on the first data that it takes."""

from __future__ import annotations

import inspect
import warnings
from functools import cache
from typing import Any

import numpy as np
from sklearn import linear_model, preprocessing, tree
from sklearn.utils import all_estimators

from tests.support.judged_models import answers

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    ESTIMATORS: dict[str, type] = dict(all_estimators())

RNG = np.random.default_rng(0)
NUMBERS = np.abs(RNG.normal(size=(60, 4)))
CLASSES = (NUMBERS[:, 0] + NUMBERS[:, 1] > 1.5).astype(int)
TARGET = NUMBERS @ np.arange(1.0, 5.0)

# Quick ones; a constructor takes those that it knows.
QUICK = {
    "n_estimators": 3, "n_features": 16, "cv": 2, "n_init": 1, "n_iter": 2, "n_quantiles": 20,
    "max_subpopulation": 30, "random_state": 0, "perplexity": 5, "n_features_to_select": 2,
}  # fmt: skip
# Their estimator is None by default, which they do not take.
BARE = frozenset({"SelfTrainingClassifier"})
# Tried in this order until an estimator can be fitted.
DATA: tuple[tuple[Any, Any], ...] = (
    (NUMBERS, CLASSES),
    (NUMBERS, TARGET),
    (NUMBERS[:, 0], TARGET),
    (NUMBERS, np.c_[CLASSES, 1 - CLASSES]),
    (NUMBERS, np.c_[TARGET, TARGET * 2]),
    (["red apple", "green apple", "blue sky"] * 20, None),
    ([{"a": 1.0, "b": "x"}] * 60, None),
    ([["a", "b"], ["c"]] * 30, None),
    (CLASSES, None),
    (NUMBERS @ NUMBERS.T, None),
    (RNG.random((3, 20, 20)), None),
)


def needed(cls: type) -> dict[str, Any]:
    """Return an argument for each parameter that has no default somewhere."""
    numbers = "Regress" in cls.__name__
    line = linear_model.Ridge() if numbers else linear_model.LogisticRegression()
    kind = tree.DecisionTreeRegressor if numbers else tree.DecisionTreeClassifier
    scale = preprocessing.StandardScaler()
    return {
        "estimator": line.fit(NUMBERS, CLASSES),
        "estimators": [("line", line), ("tree", kind(max_depth=2))],
        "steps": [("scale", scale), ("line", line)],
        "transformer_list": [("scale", scale), ("rest", "passthrough")],
        "transformers": [("scale", scale, [0, 1]), ("drop", "drop", [2])],
        "param_grid": {"C": [0.1, 1.0]},
        "param_distributions": {"C": [0.1, 1.0]},
        "dictionary": NUMBERS[:3],
    }


def made(cls: type) -> Any:
    parameters = inspect.signature(cls).parameters
    values = {
        name: needed(cls)[name]
        for name, parameter in parameters.items()
        if name in needed(cls) and (parameter.default is parameter.empty or cls.__name__ in BARE)
    }
    if "eps" in parameters and "n_components" in parameters:
        values["n_components"] = 2  # random projections want thousands of columns by default
    return cls(**values | {name: QUICK[name] for name in QUICK if name in parameters})


@cache
def fitted(name: str) -> tuple[Any, Any]:
    """Return an estimator, fitted on the first data that it takes and answers, and those data."""
    for features, target in DATA:
        model = made(ESTIMATORS[name])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(features, target) if target is not None else model.fit(features)
                answers(model, features)
                return model, features
        except (ValueError, TypeError, AttributeError, IndexError):
            continue
    raise AssertionError(f"expected data that {name} can be fitted on, found none")
