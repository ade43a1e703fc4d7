"""Every estimator of scikit-learn passes, but for the few that are listed with their reasons."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import skops.io
from sklearn import (
    compose,
    ensemble,
    impute,
    linear_model,
    model_selection,
    neighbors,
    preprocessing,
    tree,
)
from sklearn.feature_extraction import text
from sklearn.utils import all_estimators

from tests.support.judged_models import FORMATS, answers, assert_passes, refusals

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    ESTIMATORS: dict[str, type] = dict(all_estimators())

REFERENCE = Path(__file__).parents[4] / "docs/reference/model-files.md"
RNG = np.random.default_rng(0)
NUMBERS = np.abs(RNG.normal(size=(60, 4)))
CLASSES = (NUMBERS[:, 0] + NUMBERS[:, 1] > 1.5).astype(int)
TARGET = NUMBERS @ np.arange(1.0, 5.0)


@dataclass(frozen=True, slots=True)
class Refused:
    """What does not pass.

    Attributes:
        reason: why, as docs/reference/model-files.md says it.
        problem: what the judge says of it.
        build: makes and fits it; the estimator with its defaults where None.
    """

    reason: str
    problem: str
    build: Callable[[], Any] | None = None


def boosted() -> Any:
    model = ensemble.GradientBoostingClassifier(
        n_estimators=2, init=linear_model.LogisticRegression()
    )
    return model.fit(NUMBERS, np.arange(60) % 3)


def searched(distribution: Any) -> Any:
    return model_selection.RandomizedSearchCV(
        linear_model.Ridge(), {"alpha": distribution}, n_iter=2, cv=2, random_state=0
    ).fit(NUMBERS, TARGET)


def words(**options: Any) -> Any:
    return text.CountVectorizer(token_pattern=None, **options).fit(["red apple"])


def selected() -> Any:
    columns = compose.make_column_selector(dtype_include=pd.CategoricalDtype)
    frame = pd.DataFrame({"a": pd.Categorical(["x", "y"])})
    return compose.make_column_transformer((preprocessing.OrdinalEncoder(), columns)).fit(frame)


DISTRIBUTION = "loading a distribution of scipy runs text that its file holds"
CALLED = "would be called with what a client sends"
REFUSED = {
    "HDBSCAN": Refused("answers no prediction for new rows", "dtype"),
    "scipy.stats.loguniform": Refused(
        DISTRIBUTION, "a distribution", lambda: searched(scipy.stats.loguniform(0.1, 1))
    ),
    "scipy.stats.randint": Refused(
        DISTRIBUTION, "a distribution", lambda: searched(scipy.stats.randint(1, 3))
    ),
    "tokenizer": Refused(CALLED, "getattr", lambda: words(tokenizer=str.split)),
    "metric": Refused(CALLED, "metric", lambda: neighbors.KNeighborsClassifier(metric=np.log1p)),
    "pandas.CategoricalDtype": Refused("named by its text instead", "CategoricalDtype", selected),
    "pandas.NA": Refused(
        "`np.nan` says the same",
        "NA",
        lambda: impute.SimpleImputer(missing_values=pd.NA, strategy="most_frequent"),
    ),
    "init": Refused("reads past what a foreign beginning answers", "foreign estimator", boosted),
}
# What skops itself cannot write: it takes no objects that lead back to each other.
NOT_IN_SKOPS = frozenset({"Birch"})

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


@pytest.mark.parametrize("kept", ["pickle", "cloudpickle", "skops"])
@pytest.mark.parametrize("name", sorted(set(ESTIMATORS) - set(REFUSED)))
def test_an_estimator_passes_and_its_copy_answers_the_same(name: str, kept: str) -> None:
    if kept == "skops" and name in NOT_IN_SKOPS:
        with pytest.raises(skops.io.exceptions.UnsupportedTypeException):
            FORMATS[kept][0](fitted(name)[0])
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_passes(*fitted(name), kept)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_listed_with_its_reason(name: str) -> None:
    refused = REFUSED[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = refused.build() if refused.build is not None else fitted(name)[0]
    for kept in ("pickle", "cloudpickle"):
        found = refusals(FORMATS[kept][0](model), kept)[1]
        assert any(refused.problem in line for line in found)
    reference = REFERENCE.read_text()
    assert f"`{name}`" in reference
    assert refused.reason in reference
