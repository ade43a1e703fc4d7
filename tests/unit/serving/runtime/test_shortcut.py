"""A model is handed an array only where everything that hangs on it is known to take one."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from joblib import Memory
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import (
    ColumnTransformer,
    TransformedTargetRegressor,
    make_column_selector,
)
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import RFECV, SelectFromModel, SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.multioutput import ClassifierChain, MultiOutputRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC

from serving.runtime.estimators import takes_arrays

RANDOM = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "a": RANDOM.normal(size=300),
        "b": RANDOM.integers(0, 5, 300).astype(float),
        "c": RANDOM.normal(size=300),
    }
)
TARGET = (TABLE.a + TABLE.b > 2).astype(int).to_numpy()
BOTH = np.column_stack([TARGET, 1 - TARGET])


class Duck:
    """No estimator, but a step all the same, which looks at names."""

    def fit(self, table: Any, _: Any = None) -> Duck:
        return self

    def transform(self, table: Any) -> Any:
        return table[["b"]].to_numpy() if hasattr(table, "columns") else np.asarray(table)[:, :1]

    def fit_transform(self, table: Any, _: Any = None) -> Any:
        return self.transform(table)


def by_name(table: Any) -> Any:
    return table[["b", "a"]] if hasattr(table, "columns") else table


def columns(*names: str) -> ColumnTransformer:
    return ColumnTransformer([("s", StandardScaler(), list(names))])


def searched(*steps: object, **more: Any) -> GridSearchCV:
    pipeline = Pipeline([("p", "passthrough"), ("m", LogisticRegression())])
    return GridSearchCV(pipeline, {"p": list(steps)}, cv=2, **more)


def marked(estimator: Any, **attributes: object) -> Any:
    estimator.__dict__ |= attributes
    return estimator


KEEP_THE_TABLE: dict[str, Callable[[], Any]] = {
    "a step that is no estimator": lambda: make_pipeline(Duck(), LogisticRegression()),
    "columns by name": lambda: make_pipeline(columns("b"), LogisticRegression()),
    "columns by name in a union": lambda: make_pipeline(
        FeatureUnion([("x", columns("b"))]), LogisticRegression()
    ),
    "columns by name in a vote": lambda: VotingClassifier(
        [("x", make_pipeline(columns("b"), LogisticRegression()))]
    ),
    "columns by name in a stack": lambda: StackingClassifier(
        [("x", make_pipeline(columns("b"), LogisticRegression()))], cv=2
    ),
    "columns by name among candidates": lambda: searched(columns("b")),
    "a candidate that lost": lambda: searched(columns("b"), StandardScaler(), refit=lambda _: 1),
    "a function among candidates": lambda: searched(FunctionTransformer(by_name)),
    "a step without names among candidates": lambda: searched(Duck()),
    "a function": lambda: make_pipeline(FunctionTransformer(by_name), LogisticRegression()),
    "a function of numpy's": lambda: make_pipeline(
        FunctionTransformer(np.arctan), LogisticRegression()
    ),
    "a selector": lambda: make_pipeline(
        ColumnTransformer([("s", StandardScaler(), make_column_selector("b"))]),
        LogisticRegression(),
    ),
    "a kernel of the model's own": lambda: SVC(kernel=lambda a, b: np.asarray(a) @ np.asarray(b).T),
    "a metric of the model's own": lambda: KNeighborsClassifier(
        metric=partial(lambda a, b: abs(a - b).sum())
    ),
    "steps that make tables": lambda: make_pipeline(
        StandardScaler().set_output(transform="pandas"), LogisticRegression()
    ),
    "categories by name": lambda: HistGradientBoostingClassifier(categorical_features=["b"]),
    "a cache": lambda: Pipeline([("m", LogisticRegression())], memory=Memory(None)),
    "a table in an attribute": lambda: marked(LogisticRegression(), told=TABLE),
    "a class in an attribute": lambda: marked(LogisticRegression(), told=[{"x": Duck}]),
    "an object in an array": lambda: marked(
        LogisticRegression(), told=np.array([Duck()], dtype=object)
    ),
    "a method of the model's own": lambda: marked(LogisticRegression(), told=Duck().transform),
}
TAKE_ARRAYS: dict[str, Callable[[], Any]] = {
    "a line": LinearRegression,
    "many lines": lambda: MultiOutputRegressor(LinearRegression()),
    "a ridge": Ridge,
    "a logistic curve": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "a target on another scale": lambda: TransformedTargetRegressor(
        LinearRegression(), func=np.log1p, inverse_func=np.expm1
    ),
    "a scaled target": lambda: TransformedTargetRegressor(
        LinearRegression(), transformer=StandardScaler()
    ),
    "a forest": lambda: RandomForestClassifier(5, random_state=np.random.RandomState(0)),
    "boosting": HistGradientBoostingClassifier,
    "bags": lambda: BaggingClassifier(n_estimators=3, max_features=2),
    "neighbours": KNeighborsClassifier,
    "vectors": SVC,
    "a vote": lambda: VotingClassifier([("l", LogisticRegression())]),
    "a stack": lambda: StackingClassifier([("l", LogisticRegression())], cv=2),
    "a search": lambda: searched(StandardScaler(), PCA(2)),
    "a chain": lambda: ClassifierChain(LogisticRegression()),
    "a union": lambda: make_pipeline(FeatureUnion([("x", PCA(1))]), LogisticRegression()),
    "a choice": lambda: make_pipeline(
        SelectFromModel(LogisticRegression()), SelectKBest(k=1), LogisticRegression()
    ),
    "an elimination": lambda: RFECV(LogisticRegression(), cv=2),
    "a calibration": lambda: CalibratedClassifierCV(LogisticRegression(), cv=2),
    "a threshold": lambda: TunedThresholdClassifierCV(LogisticRegression(), cv=2),
    "bins": lambda: make_pipeline(KBinsDiscretizer(strategy="uniform"), LinearRegression()),
    "splines": lambda: make_pipeline(SplineTransformer(), LinearRegression()),
    "powers": lambda: make_pipeline(PolynomialFeatures(3), LinearRegression()),
    "categories": lambda: make_pipeline(
        OneHotEncoder(handle_unknown="ignore", dtype=np.float64), LogisticRegression()
    ),
    "ordered categories": lambda: make_pipeline(OrdinalEncoder(dtype=float), LinearRegression()),
    "encoded by target": lambda: make_pipeline(TargetEncoder(), LogisticRegression()),
    "filled gaps": lambda: make_pipeline(SimpleImputer(), LogisticRegression()),
}


def fitted(make: Callable[[], Any]) -> tuple[bool, Any]:
    model = make()
    many = isinstance(model, ClassifierChain | MultiOutputRegressor)
    told = model.__dict__.get("told")
    model.fit(TABLE, BOTH if many else TARGET)
    if told is not None:
        model.told = told
    return shortcut_of(model, "a", "b", "c"), model


def shortcut_of(model: Any, *labels: str | int) -> bool:
    return takes_arrays(SimpleNamespace(_model_impl=SimpleNamespace(sklearn_model=model)), labels)


@pytest.mark.parametrize("name", KEEP_THE_TABLE)
def test_a_model_that_could_look_at_names_keeps_its_table(name: str) -> None:
    shortcut, _ = fitted(KEEP_THE_TABLE[name])
    assert not shortcut


@pytest.mark.parametrize("name", TAKE_ARRAYS)
def test_a_model_that_cannot_look_at_names_answers_the_same_to_the_last_digit(name: str) -> None:
    shortcut, model = fitted(TAKE_ARRAYS[name])
    assert shortcut
    array = np.asfortranarray(np.array(TABLE.to_numpy().tolist()))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        found = model.predict(array)
    assert np.asarray(found).tolist() == np.asarray(model.predict(TABLE)).tolist()


FITTED_ON_NAMES: dict[str, Callable[[], Any]] = {
    "a line": LinearRegression,
    "a pipeline": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "a pipeline in a pipeline": lambda: make_pipeline(
        make_pipeline(StandardScaler(), PCA(2)), LogisticRegression()
    ),
    "a union": lambda: make_pipeline(FeatureUnion([("x", PCA(1))]), LogisticRegression()),
    "a vote": lambda: VotingClassifier([("l", LogisticRegression())]),
    "a stack": lambda: StackingClassifier([("l", LogisticRegression())], cv=2),
    "a search": lambda: searched(StandardScaler()),
    "bags": lambda: BaggingClassifier(n_estimators=3),
    "a forest": lambda: RandomForestClassifier(2),
    "a scaled target": lambda: TransformedTargetRegressor(LinearRegression()),
    "a threshold": lambda: TunedThresholdClassifierCV(LogisticRegression(), cv=2),
}
OTHER_LABELS: dict[str, tuple[str | int, ...]] = {
    "another order": ("b", "a", "c"),
    "other names": ("x", "y", "z"),
    "fewer": ("a", "b"),
    "more": ("a", "b", "c", "d"),
    "names beside numbers": ("a", "b", 2),
}


@pytest.mark.parametrize("labels", OTHER_LABELS)
@pytest.mark.parametrize("name", FITTED_ON_NAMES)
def test_a_model_fitted_on_other_columns_than_its_signatures_keeps_its_table(
    name: str, labels: str
) -> None:
    model = FITTED_ON_NAMES[name]().fit(TABLE, TARGET)
    assert shortcut_of(model, "a", "b", "c")
    assert not shortcut_of(model, *OTHER_LABELS[labels])


def test_a_signature_without_names_leaves_the_order_to_the_client() -> None:
    assert shortcut_of(LinearRegression().fit(TABLE, TARGET), 0, 1, 2)


@pytest.mark.parametrize("name", FITTED_ON_NAMES)
def test_a_model_fitted_on_an_array_takes_any_names(name: str) -> None:
    model = FITTED_ON_NAMES[name]().fit(TABLE.to_numpy(), TARGET)
    assert shortcut_of(model, "b", "a", "c")
