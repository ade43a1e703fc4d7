"""Honest models that are made of more than estimators: kernels, scorers, choices."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from sklearn import (
    calibration,
    compose,
    ensemble,
    feature_selection,
    frozen,
    gaussian_process,
    impute,
    kernel_ridge,
    linear_model,
    metrics,
    model_selection,
    multiclass,
    preprocessing,
    semi_supervised,
    svm,
    tree,
)
from sklearn.cluster import Birch
from sklearn.gaussian_process import kernels
from sklearn.pipeline import Pipeline, make_pipeline

from tests.support.honest_tables import Data, Honest, table


def logistic() -> Any:
    return linear_model.LogisticRegression(max_iter=200)


def searched(choices: Any, model: Any = None, **options: Any) -> Any:
    return model_selection.GridSearchCV(model or logistic(), choices, cv=2, **options)


def frozen_line() -> Any:
    return frozen.FrozenEstimator(logistic().fit(*table(Data.NUMERIC)))


def process(
    kernel: Any, kind: Any = gaussian_process.GaussianProcessClassifier, **more: Any
) -> Any:
    return kind(kernel, **more)


def for_numbers(kernel: Any) -> Any:
    return process(kernel, gaussian_process.GaussianProcessRegressor, alpha=0.1)


def encoded() -> Any:
    parts = compose.ColumnTransformer(
        [("texts", preprocessing.TargetEncoder(cv=2), ["city", "size"])], remainder="drop"
    )
    return make_pipeline(parts, linear_model.Ridge())


def two_steps() -> Any:
    return Pipeline([("scale", preprocessing.StandardScaler()), ("model", logistic())])


F2 = metrics.make_scorer(metrics.fbeta_score, beta=2)
KERNELS: dict[str, Any] = {
    "a radial kernel": kernels.RBF(),
    "a sum of kernels": kernels.RBF() + kernels.WhiteKernel(),
    "a product of kernels": 2.0 * kernels.Matern(nu=1.5),
    "a power of a kernel": kernels.RationalQuadratic() ** 2,
    "a kernel of pairs": kernels.PairwiseKernel(metric="rbf", gamma=0.5) + kernels.WhiteKernel(),
}
SEARCHES: dict[str, Any] = {
    "two metrics": lambda: searched({"C": [0.1, 1.0]}, scoring=["accuracy", "f1"], refit="f1"),
    "named metrics": lambda: searched(
        {"C": [0.1, 1.0]}, scoring={"accuracy": "accuracy", "f2": F2}, refit="f2"
    ),
    "a metric made for it": lambda: searched({"C": [0.1, 1.0]}, scoring=F2),
    "estimators": lambda: searched(
        {"model": [logistic(), tree.DecisionTreeClassifier(max_depth=2)],
         "scale": ["passthrough", preprocessing.MinMaxScaler()]}, two_steps()
    ),
    "several grids": lambda: searched(
        [{"model": [logistic()], "model__C": [0.1, 1.0]}, {"model": [svm.SVC()]}], two_steps()
    ),
    "functions": lambda: searched(
        {"functiontransformer__func": [None, np.sinh]},
        make_pipeline(preprocessing.FunctionTransformer(), logistic()),
    ),
    "repeated splits": lambda: model_selection.GridSearchCV(
        logistic(), {"C": np.logspace(-1, 0, 2)},
        cv=model_selection.RepeatedStratifiedKFold(n_splits=2, n_repeats=1, random_state=1),
    ),
    "splits that are listed": lambda: model_selection.RandomizedSearchCV(
        logistic(), [{"C": [0.1, 1.0]}], n_iter=1, scoring=("accuracy", "f1"), refit="accuracy",
        cv=[(np.arange(60), np.arange(60, 120))],
    ),
}  # fmt: skip

PARTS: tuple[Honest, ...] = (
    *(
        Honest(f"Gaussian classes with {name}", Data.NUMERIC, partial(process, kernel))
        for name, kernel in KERNELS.items()
    ),
    *(
        Honest(f"Gaussian numbers with {name}", Data.REGRESSION, partial(for_numbers, kernel))
        for name, kernel in KERNELS.items()
    ),
    *(Honest(f"search over {name}", Data.NUMERIC, build) for name, build in SEARCHES.items()),
    Honest("target encoding for numbers", Data.MIXED_NUMBERS, encoded),
    Honest("kernel ridge with a Gaussian kernel", Data.REGRESSION,
           lambda: kernel_ridge.KernelRidge(kernel=kernels.RBF())),
    Honest("linked clusters", Data.NUMERIC,
           lambda: Birch(threshold=0.4, branching_factor=4), in_skops=False),
    Honest("linked clusters as features", Data.NUMERIC,
           lambda: make_pipeline(Birch(threshold=0.6), logistic()), in_skops=False),
    Honest("passive and aggressive in its new place", Data.NUMERIC,
           lambda: linear_model.SGDClassifier(
               loss="hinge", penalty=None, learning_rate="pa1", eta0=1.0, random_state=1)),
    Honest("passive and aggressive for numbers", Data.REGRESSION,
           lambda: linear_model.SGDRegressor(
               loss="epsilon_insensitive", penalty=None, learning_rate="pa2", eta0=1.0)),
    Honest("a frozen model, calibrated", Data.NUMERIC,
           lambda: calibration.CalibratedClassifierCV(frozen_line(), method="isotonic")),
    Honest("a frozen model with a threshold", Data.NUMERIC,
           lambda: model_selection.FixedThresholdClassifier(frozen_line(), threshold=0.3)),
    Honest("a threshold tuned by a metric made for it", Data.NUMERIC,
           lambda: model_selection.TunedThresholdClassifierCV(
               logistic(), scoring=F2, cv=2, thresholds=5)),
    Honest("columns by a seeded score", Data.NUMERIC,
           lambda: make_pipeline(feature_selection.SelectKBest(
               partial(feature_selection.mutual_info_classif, random_state=1), k=2), logistic())),
    Honest("columns that a metric keeps", Data.NUMERIC,
           lambda: feature_selection.RFECV(logistic(), cv=2, scoring=F2)),
    Honest("imputed by a function", Data.NUMERIC,
           lambda: make_pipeline(impute.SimpleImputer(strategy=np.median), logistic())),
    Honest("a forest and a metric out of the bag", Data.NUMERIC,
           lambda: ensemble.RandomForestClassifier(
               30, oob_score=metrics.accuracy_score, random_state=1)),
    Honest("boosting that stops by a metric", Data.NUMERIC,
           lambda: ensemble.HistGradientBoostingClassifier(
               max_iter=4, early_stopping=True, scoring="accuracy"), in_skops=False),
    Honest("labels that spread to neighbours", Data.NUMERIC,
           lambda: semi_supervised.LabelSpreading(kernel="knn")),
    Honest("Gaussian processes, one against the rest", Data.NUMERIC,
           lambda: multiclass.OneVsRestClassifier(process(kernels.RBF()))),
)  # fmt: skip
