"""Fitted estimators one size of which is forged, so that they read or write foreign memory.

Each was found by changing attributes of honest models, and asking what was let through.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.cluster import BisectingKMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.impute import KNNImputer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import (
    KernelDensity,
    KNeighborsRegressor,
    KNeighborsTransformer,
    LocalOutlierFactor,
    RadiusNeighborsRegressor,
)
from sklearn.preprocessing import (
    FunctionTransformer,
    MultiLabelBinarizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
    TargetEncoder,
)
from sklearn.svm import SVC, NuSVC

from tests.support.hostile.kit import Hostile, pickled

_X = np.random.default_rng(5).random((60, 4))
_Y = (_X[:, 0] > 0.5).astype(int)
_LABELS = np.c_[_Y, 1 - _Y, _X[:, 1] > 0.5].astype(int)
_COLUMN = np.array([[1.0], [5.0], [6.0]])


def _changed(model: Any, **values: Any) -> Any:
    vars(model).update(values)
    return model


def _without(model: Any, *names: str) -> Any:
    for name in names:
        del vars(model)[name]
    return model


def _fitted(model: Any, **values: Any) -> Any:
    return _changed(model.fit(_X, _Y), **values)


def _spline(degree: int = 3, **values: Any) -> Any:
    model = SplineTransformer(n_knots=4, degree=degree).fit(_X[:, :1])
    vars(model.bsplines_[0]).update(values)
    return model


def _knots(degree: int) -> Any:
    ends = np.zeros(degree), np.linspace(0, 1, 20_001), np.ones(degree)
    return _spline(degree, _t=np.concatenate(ends))


def _vectors(kind: Any, **values: Any) -> Any:
    model = kind.fit(_X, _Y)
    count = len(model.support_)
    ones = np.ones((1, count))
    return _changed(
        _without(model, "classes_"), _dual_coef_=ones, dual_coef_=ones,
        _n_support=np.array([count, count], dtype=np.int32), **values,
    )  # fmt: skip


def _bisected(**values: Any) -> Any:
    model = BisectingKMeans(2, random_state=0).fit(_X)
    vars(model._bisecting_tree.left).update(values)
    return model


def _begun(first: Any) -> Any:
    return _changed(GradientBoostingRegressor(n_estimators=2).fit(_X, _Y), init_=first)


def _reduced() -> Any:
    steps = FunctionTransformer(np.abs, inverse_func=np.sum, check_inverse=False)
    model = TransformedTargetRegressor(DummyRegressor(), transformer=steps, check_inverse=False)
    return model.fit(_X, _Y)


def _many_labels(**values: Any) -> Any:
    model = OneVsRestClassifier(LogisticRegression()).fit(_X, _LABELS)
    vars(model.estimators_[0]).update(values)
    return model


def _encoder(kind: Any, *values: float) -> Any:
    target = () if kind is not TargetEncoder else ([0.5, 1.5, 2.5] * 20,)
    column = np.tile(_COLUMN, (20, 1))
    return _changed(kind().fit(column, *target), categories_=[np.array(values)])


_SEARCHES: tuple[Any, ...] = (
    KNeighborsRegressor(algorithm="brute"),
    KNeighborsTransformer(algorithm="brute"),
    RadiusNeighborsRegressor(algorithm="brute"),
    LocalOutlierFactor(algorithm="brute", novelty=True),
    KNNImputer(),
    KNeighborsRegressor(algorithm="kd_tree"),
    KernelDensity(),
)
SIZES: dict[str, Callable[[], Any]] = {
    "more knots than coefficients": lambda: _knots(3),
    "more steps than coefficients": lambda: _knots(0),
    "a spline of another degree": lambda: _changed(_spline(), degree=2),
    "a spline too few": lambda: _changed(
        SplineTransformer().fit(_X), bsplines_=SplineTransformer().fit(_X[:, :1]).bsplines_
    ),
    "polynomials with more columns": lambda: _fitted(
        PolynomialFeatures(), _n_out_full=2_000, n_output_features_=2_000
    ),
    "polynomials of a lower degree": lambda: _fitted(PolynomialFeatures(), _max_degree=1),
    "polynomials that no longer cross": lambda: _fitted(
        PolynomialFeatures(), interaction_only=True
    ),
    "polynomials of fewer features": lambda: _fitted(PolynomialFeatures(), n_features_in_=1),
    "polynomials of no end": lambda: _fitted(
        PolynomialFeatures(), degree=2**40, _max_degree=2**40
    ),
    **{
        f"{type(model).__name__} {number} over narrower rows": partial(
            _fitted, model, n_features_in_=200_000
        )
        for number, model in enumerate(_SEARCHES)
    },
    "neighbours that do not say their features": lambda: _without(
        _fitted(KNeighborsRegressor(algorithm="brute")), "n_features_in_"
    ),
    "holes of other rows": lambda: _fitted(KNNImputer(), _mask_fit_X=np.zeros((2, 4), bool)),
    "halves of fewer features": lambda: _bisected(center=np.zeros(1)),
    "halves of half a branch": lambda: _bisected(left=None, right=_bisected()._bisecting_tree),
    "a half of a label that is not there": lambda: _bisected(label=2**20),
    **{
        f"{kind.__name__} out of order": partial(_encoder, kind, 6.0, 5.0, 1.0)
        for kind in (OneHotEncoder, OrdinalEncoder, TargetEncoder)
    },
    "a category twice": lambda: _encoder(OneHotEncoder, 1.0, 1.0, 6.0),
    "no number before others": lambda: _encoder(OneHotEncoder, 1.0, np.nan, 6.0),
    "a dropped category before the first": lambda: _changed(
        OneHotEncoder(drop="first").fit(_COLUMN), drop_idx_=np.array([-9], dtype=object),
        _drop_idx_after_grouping=np.array([-9], dtype=object),
    ),
    "a dropped category after the last": lambda: _changed(
        OneHotEncoder(drop="first").fit(_COLUMN), drop_idx_=np.array([3], dtype=object)
    ),
    "vectors of no classes": lambda: _vectors(SVC()),
    "more vectors of no classes": lambda: _vectors(NuSVC()),
    "labels beyond the columns": lambda: _changed(
        MultiLabelBinarizer().fit([["a"], ["b"]]), _cached_dict={"a": 2**20, "b": 1}
    ),
    "more answers than rows": lambda: _many_labels(coef_=np.ones((3, 4)), intercept_=np.zeros(3)),
    "more intercepts than rows": lambda: _many_labels(intercept_=np.zeros(400)),
    "a member of three classes": lambda: _many_labels(
        coef_=np.ones((3, 4)), intercept_=np.zeros(3), classes_=np.arange(3)
    ),
    "a member of no classes": lambda: _without_classes(),
    "boosting that begins with no rows": lambda: _begun(
        _changed(DummyRegressor().fit(_X, _Y), n_outputs_=0, constant_=np.zeros((1, 0)))
    ),
    "boosting that begins with one row": lambda: _begun(_reduced()),
}  # fmt: skip


def _without_classes() -> Any:
    model = _many_labels(coef_=np.ones((3, 4)), intercept_=np.zeros(3))
    del vars(model.estimators_[0])["classes_"]
    return model


def _row(label: str, make: Callable[[], Any]) -> Hostile:
    return pickled(label, lambda _site: make())


FORGED: tuple[Hostile, ...] = tuple(_row(label, make) for label, make in SIZES.items())
