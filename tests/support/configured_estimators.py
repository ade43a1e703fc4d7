"""Estimators whose other settings lead to other compiled code than their defaults do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn import (
    cluster,
    decomposition,
    discriminant_analysis,
    ensemble,
    gaussian_process,
    impute,
    isotonic,
    kernel_approximation,
    linear_model,
    mixture,
    multiclass,
    multioutput,
    neighbors,
    pipeline,
    preprocessing,
    svm,
    tree,
)
from sklearn.covariance import EllipticEnvelope
from sklearn.feature_extraction import text
from sklearn.impute._iterative import IterativeImputer

from tests.support.fitted_estimators import CLASSES, NUMBERS, TARGET

_HOLED = np.where(np.arange(240).reshape(60, 4) % 11 == 3, np.nan, NUMBERS)
_THREE = np.arange(60) % 3
_KINDS = np.array(["a", "b", "c", "d", "e", "f"] * 10, dtype=object)[np.argsort(TARGET)]
_TABLE = np.c_[np.where(NUMBERS[:, 0] > 1, "rare", "often"), _KINDS].astype(object)
_WHOLE = np.floor(NUMBERS * 3)
_LABELS = np.c_[CLASSES, 1 - CLASSES, NUMBERS[:, 2] > 0.5].astype(int)
_WORDS = ["red apple", "green apple pie", "blue sky over a pie"] * 20

# Each with what it is fitted on, and asked.
_MADE: dict[str, tuple[Callable[[], Any], Any, Any]] = {
    "rare categories": (
        lambda: preprocessing.OneHotEncoder(min_frequency=12, handle_unknown="infrequent_if_exist"),
        _TABLE, None,
    ),
    "dropped categories": (
        lambda: preprocessing.OneHotEncoder(drop="first", max_categories=4), _TABLE, None,
    ),
    "ranks of rare categories": (
        lambda: preprocessing.OrdinalEncoder(
            min_frequency=12, handle_unknown="use_encoded_value", unknown_value=-1
        ),
        _TABLE, None,
    ),
    "numbers as categories": (
        lambda: pipeline.make_pipeline(
            preprocessing.OneHotEncoder(handle_unknown="ignore"), linear_model.Ridge()
        ),
        _WHOLE, TARGET,
    ),
    "vectors of sparse rows": (
        lambda: pipeline.make_pipeline(preprocessing.OneHotEncoder(), svm.SVC(probability=False)),
        _WHOLE, _THREE,
    ),
    "linear vectors": (lambda: svm.NuSVC(kernel="linear", nu=0.2), NUMBERS, _THREE),
    "vectors of given kernels": (
        lambda: svm.SVR(kernel="precomputed"), NUMBERS @ NUMBERS.T, TARGET,
    ),
    "powers of sparse rows": (
        lambda: pipeline.make_pipeline(
            preprocessing.OneHotEncoder(), preprocessing.PolynomialFeatures(2),
            linear_model.Ridge(),
        ),
        _WHOLE, TARGET,
    ),
    "sparse splines": (
        lambda: preprocessing.SplineTransformer(
            n_knots=4, degree=2, extrapolation="periodic", sparse_output=True
        ),
        NUMBERS, None,
    ),
    "categories of histograms": (
        lambda: ensemble.HistGradientBoostingClassifier(
            max_iter=3, min_samples_leaf=2, categorical_features=[0, 2]
        ),
        _WHOLE, _THREE,
    ),
    "holes of histograms": (
        lambda: ensemble.HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=2),
        _HOLED, TARGET,
    ),
    "boosting of three": (
        lambda: ensemble.GradientBoostingClassifier(n_estimators=3), NUMBERS, _THREE,
    ),
    "some features each": (
        lambda: ensemble.BaggingClassifier(
            neighbors.KNeighborsClassifier(), n_estimators=3, max_features=0.5
        ),
        NUMBERS, _THREE,
    ),
    "isolated by some features": (
        lambda: ensemble.IsolationForest(n_estimators=3, max_features=0.5), NUMBERS, None,
    ),
    "trees of many labels": (
        lambda: ensemble.RandomForestClassifier(n_estimators=3), NUMBERS, _LABELS,
    ),
    "trees of holes": (lambda: tree.DecisionTreeRegressor(), _HOLED, TARGET),
    "votes by majority": (
        lambda: ensemble.VotingClassifier(
            [("line", linear_model.LogisticRegression()), ("tree", tree.DecisionTreeClassifier())]
        ),
        NUMBERS, _THREE,
    ),
    "a ball tree": (
        lambda: neighbors.KNeighborsClassifier(algorithm="ball_tree", weights="distance"),
        NUMBERS, _LABELS,
    ),
    "brute force": (
        lambda: neighbors.KNeighborsClassifier(algorithm="brute"), NUMBERS, _THREE,
    ),
    "single precision": (
        lambda: neighbors.RadiusNeighborsClassifier(
            algorithm="brute", radius=5.0, outlier_label="most_frequent"
        ),
        NUMBERS.astype(np.float32), _THREE,
    ),
    "scaled neighbours": (
        lambda: neighbors.KNeighborsRegressor(
            algorithm="brute", metric="mahalanobis", metric_params={"VI": np.eye(4)}
        ),
        NUMBERS, TARGET,
    ),
    "a weighed ball tree": (
        lambda: neighbors.KNeighborsRegressor(
            algorithm="ball_tree", metric="seuclidean", metric_params={"V": np.ones(4)}
        ),
        NUMBERS, TARGET,
    ),
    "outliers": (lambda: neighbors.LocalOutlierFactor(novelty=True), NUMBERS, None),
    "outliers by force": (
        lambda: neighbors.LocalOutlierFactor(novelty=True, algorithm="brute"), NUMBERS, None,
    ),
    "density": (
        lambda: neighbors.KernelDensity(metric="minkowski", metric_params={"p": 3}), NUMBERS, None,
    ),
    "nearest of shrunk centres": (
        lambda: neighbors.NearestCentroid(shrink_threshold=0.1), NUMBERS, _THREE,
    ),
    "an envelope that computes its matrix": (
        lambda: EllipticEnvelope(store_precision=False, random_state=0), NUMBERS, None,
    ),
    **{
        f"mixtures of {kind} covariance": (
            partial(mixture.GaussianMixture, 2, covariance_type=kind, random_state=0),
            NUMBERS, None,
        )
        for kind in ("tied", "diag", "spherical")
    },
    **{
        f"codes by {kind}": (
            partial(
                decomposition.DictionaryLearning,
                3, max_iter=3, transform_algorithm=kind, random_state=0,
            ),
            NUMBERS, None,
        )
        for kind in ("lasso_cd", "lasso_lars", "lars", "omp", "threshold")
    },
    "factors by multiplication": (
        lambda: decomposition.NMF(2, solver="mu", init="random", random_state=0), NUMBERS, None,
    ),
    "a process of three classes": (
        lambda: gaussian_process.GaussianProcessClassifier(), NUMBERS[:30], _THREE[:30],
    ),
    "turns": (
        lambda: IterativeImputer(linear_model.BayesianRidge(), max_iter=2, random_state=0),
        _HOLED, None,
    ),
    "imputed and marked": (
        lambda: impute.SimpleImputer(add_indicator=True, strategy="most_frequent"), _HOLED, None,
    ),
    "imputed by neighbours": (
        lambda: impute.KNNImputer(add_indicator=True, weights="distance"), _HOLED, None,
    ),
    "bins": (
        lambda: preprocessing.KBinsDiscretizer(
            3, encode="onehot-dense", quantile_method="averaged_inverted_cdf"
        ),
        NUMBERS, None,
    ),
    "encoded targets": (lambda: preprocessing.TargetEncoder(), _TABLE, _THREE),
    "components of quantiles": (
        lambda: preprocessing.QuantileTransformer(n_quantiles=9, output_distribution="normal"),
        NUMBERS, None,
    ),
    "groups by median": (
        lambda: cluster.FeatureAgglomeration(2, pooling_func=np.median), NUMBERS, None,
    ),
    "clusters of clusters": (lambda: cluster.Birch(threshold=0.3, n_clusters=2), NUMBERS, None),
    "means of single precision": (
        lambda: cluster.MiniBatchKMeans(3, n_init=1, random_state=0),
        NUMBERS.astype(np.float32), None,
    ),
    "bounded steps": (
        lambda: isotonic.IsotonicRegression(out_of_bounds="clip"), NUMBERS[:, 0], TARGET,
    ),
    "a discriminant of quadrics": (
        lambda: discriminant_analysis.QuadraticDiscriminantAnalysis(), NUMBERS, _THREE,
    ),
    "a kernel of chi squares": (
        lambda: kernel_approximation.Nystroem("chi2", n_components=3, random_state=0),
        NUMBERS, None,
    ),
    "one against the rest of many labels": (
        lambda: multiclass.OneVsRestClassifier(linear_model.LogisticRegression()),
        NUMBERS, _LABELS,
    ),
    "each against each": (
        lambda: multiclass.OneVsOneClassifier(svm.LinearSVC()), NUMBERS, _THREE,
    ),
    "a chain": (
        lambda: multioutput.ClassifierChain(linear_model.LogisticRegression(), order=[2, 0, 1]),
        NUMBERS, _LABELS,
    ),
    "words": (
        lambda: pipeline.make_pipeline(
            text.TfidfVectorizer(), decomposition.TruncatedSVD(2, random_state=0)
        ),
        _WORDS, None,
    ),
    "words by Bayes": (
        lambda: pipeline.make_pipeline(
            text.CountVectorizer(), linear_model.SGDClassifier(random_state=0)
        ),
        _WORDS, _THREE,
    ),
}  # fmt: skip

CONFIGURED = tuple(sorted(_MADE))


def configured(name: str) -> tuple[Any, Any]:
    """Return one of the estimators, fitted, and what to ask it."""
    make, features, target = _MADE[name]
    model = make()
    model.fit(features, target) if target is not None else model.fit(features)
    return model, features
