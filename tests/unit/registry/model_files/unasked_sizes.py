"""Fitted estimators that hand compiled code sizes which nothing on the way compares."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.cluster import KMeans
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDRegressor,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsTransformer,
    NearestNeighbors,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
    RadiusNeighborsTransformer,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer, PolynomialFeatures
from sklearn.svm import SVC, SVR, LinearSVC, OneClassSVM
from sklearn.tree import DecisionTreeClassifier

_ROWS = np.random.default_rng(3).random((60, 4))
_NUMBERS = _ROWS[:, 0]
_TWO = (_NUMBERS > 0.5).astype(int)
_THREE = np.arange(60) % 3
_SPARSE = scipy.sparse.csr_matrix(_ROWS)
_LABELS = np.c_[_TWO, 1 - _TWO]
_NONE = np.zeros(0)
_MOST = 2**63 - 1


def _changed(model: Any, **values: Any) -> Any:
    vars(model).update(values)
    return model


def _vectors(model: Any, rows: Any = _ROWS, **values: Any) -> Any:
    return _changed(model.fit(rows, _NUMBERS), **values)


def _many_counts(kind: Any, rows: Any) -> Any:
    model = _vectors(kind(), rows)
    return _changed(model, _n_support=np.full(9, len(model.support_), dtype=np.int32))


def _given_kernels(kind: Any, answers: Any) -> Any:
    model = kind().fit(scipy.sparse.csr_matrix(_ROWS @ _ROWS.T), answers)
    return _changed(model, kernel="precomputed")


def _nearest(kind: Any, answers: Any = _THREE, **values: Any) -> Any:
    model = kind(algorithm="brute", metric="manhattan").fit(_ROWS, answers)
    return _changed(model, **values)


def _of_no_rows(kind: Any, **values: Any) -> Any:
    return _nearest(kind, _fit_X=np.zeros((0, 4)), n_samples_fit_=0, **values)


def _begun(first: Any, answers: Any = _NUMBERS, **values: Any) -> Any:
    model = GradientBoostingRegressor(n_estimators=2, init=first).fit(_ROWS, answers)
    return _changed(model, init_=_changed(model.init_, **values))


def _likely(first: Any, **values: Any) -> Any:
    model = GradientBoostingClassifier(n_estimators=2, init=first).fit(_ROWS, _TWO)
    return _changed(model, init_=_changed(model.init_, **values))


def _priors(shape: tuple[int, ...]) -> Any:
    model = GradientBoostingClassifier(n_estimators=1).fit(_ROWS, _THREE)
    model.init_.class_prior_ = np.full(shape, 0.5)
    return model


def _graph(kind: Any) -> Any:
    apart = np.abs(_ROWS[:5, :1] - _ROWS[:5, :1].T)
    first = KNeighborsTransformer(n_neighbors=30).fit(_ROWS)
    return make_pipeline(first, kind(metric="precomputed").fit(apart))


def _products(degree: tuple[int, int], *, bias: bool) -> Any:
    first = KNeighborsTransformer(n_neighbors=3).fit(_ROWS[:4])
    model = PolynomialFeatures(degree, interaction_only=True, include_bias=bias)
    return make_pipeline(first, model.fit(np.ones((2, 4))))


def _shallow(depth: int) -> Any:
    model = DecisionTreeClassifier().fit(_ROWS, _THREE)
    model.tree_.__setstate__({**model.tree_.__getstate__(), "max_depth": depth})
    return model


def _without(model: Any, name: str, **values: Any) -> Any:
    del vars(model)[name]
    return _changed(model, **values)


def _marked(member: Any, answers: Any, **values: Any) -> Any:
    model = OneVsRestClassifier(member).fit(_ROWS, answers)
    beside = values or {"coef_": np.zeros(4), "intercept_": np.ones(400)}
    vars(model.estimators_[0]).update(beside)
    return model


def _one_against_rest(member: Any, answers: Any) -> Any:
    return OneVsRestClassifier(member).fit(_ROWS, answers)


def _bins(**values: Any) -> Any:
    model = HistGradientBoostingRegressor(max_iter=1).fit(_ROWS, _NUMBERS)
    return _changed(model._bin_mapper, **values)


def _clusters(count: int) -> Any:
    model = KMeans(2, n_init=1).fit(_ROWS[:, :1].astype(np.float32))
    return _changed(model, cluster_centers_=np.zeros((count, 1), dtype=np.float32))


UNASKED: dict[str, Callable[[], Any]] = {
    **{
        f"nine counts of {kind.__name__} of {name} rows": partial(_many_counts, kind, rows)
        for kind in (SVR, OneClassSVM)
        for name, rows in {"dense": _ROWS, "sparse": _SPARSE}.items()
    },
    "probabilities of numbers that were not fitted": lambda: _vectors(
        SVR(), _SPARSE, _effective_probability=True
    ),
    "sparse vectors of given kernels": lambda: _given_kernels(SVR, _NUMBERS),
    "sparse vectors of given kernels and classes": lambda: _given_kernels(SVC, _TWO),
    "a list of classes of nearest rows": lambda: _nearest(
        KNeighborsClassifier, _y=_THREE * 1_000, classes_=[np.arange(2_001)]
    ),
    "a list of classes of rows in a radius": lambda: _nearest(
        RadiusNeighborsClassifier, weights="distance", classes_=[np.arange(3)]
    ),
    "several answers that are one": lambda: _nearest(
        KNeighborsClassifier, np.c_[_THREE, _TWO], outputs_2d_=False
    ),
    "nearest of no rows": lambda: _of_no_rows(KNeighborsClassifier, _y=_THREE[:0]),
    "a radius of no rows": lambda: _of_no_rows(RadiusNeighborsRegressor, _y=_NONE),
    "a search of no rows": lambda: _of_no_rows(NearestNeighbors),
    "a radius of rows that nobody measures": lambda: _nearest(RadiusNeighborsClassifier),
    "a graph of nearest distances": lambda: _graph(KNeighborsTransformer),
    "a graph of distances in a radius": lambda: _graph(RadiusNeighborsTransformer),
    "pairs of unordered rows": lambda: _products((2, 2), bias=False),
    "triples of unordered rows": lambda: _products((3, 3), bias=False),
    "triples of unordered rows behind one column": lambda: _products((3, 3), bias=True),
    "boosting that begins with no intercept": lambda: _begun(
        LinearRegression(), coef_=np.ones((1, 4)), intercept_=_NONE
    ),
    "boosting that begins with an empty list": lambda: _begun(
        LinearRegression(), coef_=np.ones((1, 4)), intercept_=[[]]
    ),
    "boosting that begins with no steps": lambda: _begun(SGDRegressor(), intercept_=_NONE),
    "boosting that begins with no constant": lambda: _begun(
        DummyClassifier(strategy="constant", constant=1), _TWO, constant=_NONE
    ),
    "boosting that begins with no trees": lambda: _begun(
        HistGradientBoostingRegressor(max_iter=1), _predictors=[], n_trees_per_iteration_=0
    ),
    "boosting that begins with a class of no priors": lambda: _likely(
        GaussianNB(), class_prior_=np.zeros((2, 0))
    ),
    "boosting of three that begins with no priors": lambda: _priors((3, 0)),
    "boosting of three that begins with a column of priors": lambda: _priors((3, 1)),
    "trees that answer more than they say": lambda: _changed(
        HistGradientBoostingRegressor(max_iter=1).fit(_ROWS, _NUMBERS), n_trees_per_iteration_=2
    ),
    "neighbours in a tree without their rows": lambda: _without(
        RadiusNeighborsClassifier(radius=5.0).fit(_ROWS, _THREE), "_fit_X", _y=np.full(60, _MOST)
    ),
    "votes without classes": lambda: _without(
        VotingClassifier([("a", LogisticRegression())]).fit(_ROWS, _TWO), "le_",
        estimators_=[_changed(LogisticRegression().fit(_ROWS, _TWO), classes_=np.full(2, _MOST))],
    ),
    "marks of two by more numbers than rows": lambda: _marked(LinearRegression(), _TWO),
    "marks of labels by more numbers than rows": lambda: _marked(LinearRegression(), _LABELS),
    "marks of a class with a list beside": lambda: _marked(
        LogisticRegression(), _TWO, intercept_=[1.0] * 400
    ),
    "marks of a class with more priors than rows": lambda: _marked(
        GaussianNB(), _LABELS, class_prior_=np.full((2, 400), 0.5)
    ),
    "bins of fewer kinds": lambda: _bins(is_categorical_=np.zeros(1, dtype=np.uint8)),
    "bins of fewer thresholds": lambda: _bins(bin_thresholds_=[_NUMBERS]),
    "bins of more features": lambda: _bins(n_bins_non_missing_=np.full(900, 9, dtype=np.uint32)),
    "a tree that is deeper than it says": lambda: _shallow(1),
    "a label that comes twice": lambda: _changed(
        MultiLabelBinarizer().fit([["a"], ["b"]]), classes_=np.array(["a"] * 9, dtype=object)
    ),
    "a label that comes twice as another number": lambda: _changed(
        MultiLabelBinarizer().fit([[0], [1]]), classes_=np.array([0, 1, True, 1.0], dtype=object)
    ),
    "more clusters than 32 bits count": lambda: _clusters(2**23),
    "no clusters": lambda: _clusters(0),
}  # fmt: skip

# What is near to them, as scikit-learn fits it.
ASKED: dict[str, Callable[[], Any]] = {
    "numbers of sparse rows": lambda: SVR().fit(_SPARSE, _NUMBERS),
    "outliers of sparse rows": lambda: OneClassSVM().fit(_SPARSE),
    "bins by themselves": lambda: (
        HistGradientBoostingRegressor(max_iter=1).fit(_ROWS, _NUMBERS)._bin_mapper
    ),
    **{
        f"{name} by {type(member).__name__}": partial(_one_against_rest, member, answers)
        for name, answers in {"two": _TWO, "three": _THREE, "labels": _LABELS}.items()
        for member in (
            LogisticRegression(), LinearRegression(), Ridge(), GaussianNB(), SVC(), LinearSVC(),
            RandomForestClassifier(2), KNeighborsClassifier(), make_pipeline(Ridge()),
            HistGradientBoostingRegressor(max_iter=1), RidgeClassifier(), DummyClassifier(),
        )
    },
    "labels of numbers": lambda: MultiLabelBinarizer().fit([[2], [1, 3]]),
    "labels of texts": lambda: MultiLabelBinarizer().fit([["a"], ["b", "c"]]),
    "labels in a stated order": lambda: MultiLabelBinarizer(classes=["b", "a"]).fit([["a"]]),
    "a radius weighed by distance": lambda: RadiusNeighborsClassifier(
        algorithm="brute", metric="manhattan", weights="distance"
    ).fit(_ROWS, _THREE),
    "a radius in a tree": lambda: RadiusNeighborsClassifier(metric="manhattan").fit(_ROWS, _THREE),
    "a radius of two answers": lambda: RadiusNeighborsClassifier(
        algorithm="brute", metric="manhattan"
    ).fit(_ROWS, np.c_[_THREE, _TWO]),
    "products beside their factors": lambda: PolynomialFeatures(
        (1, 3), interaction_only=True, include_bias=False
    ).fit(_ROWS),
    "powers alone": lambda: PolynomialFeatures((2, 3), include_bias=False).fit(_ROWS),
    "boosting that begins with a line": lambda: GradientBoostingRegressor(
        n_estimators=1, init=LinearRegression()
    ).fit(_ROWS, _NUMBERS),
    "boosting that begins with classes by Bayes": lambda: GradientBoostingClassifier(
        n_estimators=1, init=GaussianNB()
    ).fit(_ROWS, _TWO),
    "boosting that begins with histograms": lambda: GradientBoostingRegressor(
        n_estimators=1, init=HistGradientBoostingRegressor(max_iter=1)
    ).fit(_ROWS, _NUMBERS),
}  # fmt: skip
