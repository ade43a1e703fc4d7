"""Every estimator of scikit-learn passes, but for the few that are listed with their reasons."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
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
)
from sklearn.feature_extraction import text

from tests.support.fitted_estimators import ESTIMATORS, NUMBERS, TARGET, fitted
from tests.support.judged_models import FORMATS, assert_passes, refusals

REFERENCE = Path(__file__).parents[4] / "docs/reference/model-files.md"


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


def in_radius() -> Any:
    model = neighbors.RadiusNeighborsClassifier(algorithm="brute", metric="manhattan")
    return model.fit(NUMBERS, np.arange(60) % 3)


def graph() -> Any:
    return neighbors.KNeighborsTransformer(metric="precomputed").fit(np.ones((9, 9)))


def products() -> Any:
    return preprocessing.PolynomialFeatures((2, 2), interaction_only=True, include_bias=False).fit(
        NUMBERS
    )


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
    "RadiusNeighborsClassifier": Refused(
        "compares the width of a request with nothing", "nobody compares", in_radius
    ),
    "KNeighborsTransformer": Refused(
        "compare the width of sparse distances with nothing", "nobody compares", graph
    ),
    "PolynomialFeatures": Refused(
        "numbers the columns of sparse rows out of order below zero", "below zero", products
    ),
    "init": Refused("reads past what a foreign beginning answers", "foreign estimator", boosted),
}
# What skops itself cannot write: it takes no objects that lead back to each other.
NOT_IN_SKOPS = frozenset({"Birch"})


@pytest.mark.parametrize("kept", ["pickle", "cloudpickle", "skops"])
@pytest.mark.parametrize("name", sorted(set(ESTIMATORS) - {"HDBSCAN"}))
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
