"""Models whose numbers stand in a container that rules might take for none, or behind a part."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.decomposition import FactorAnalysis
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingRegressor, VotingClassifier
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsRegressor, RadiusNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

_ROWS = np.random.default_rng(0).random((40, 3))
_TWO = np.arange(40) % 2


def _changed(model: Any, **attributes: Any) -> Any:
    vars(model).update(attributes)
    return model


def _masked_rows() -> Any:
    model = KNeighborsRegressor(algorithm="brute", metric="manhattan").fit(_ROWS, _TWO)
    return _changed(model, _fit_X=np.ma.masked_array(_ROWS[:, :1]), n_features_in_=10_000_000)


def _masked_classes() -> Any:
    member = _changed(DecisionTreeClassifier(), **vars(DecisionTreeClassifier().fit(_ROWS, _TWO)))
    member.classes_ = np.ma.masked_array([0, 2**63 - 1])
    vote = VotingClassifier([("tree", DecisionTreeClassifier())]).fit(_ROWS, _TWO)
    vote.estimators_[0] = member
    return vote


def _far(label: Any) -> Any:
    member = RadiusNeighborsClassifier(outlier_label=0).fit(_ROWS, _TWO)
    vote = VotingClassifier([("near", RadiusNeighborsClassifier(outlier_label=0))])
    vote.fit(_ROWS, _TWO)
    vote.estimators_[0] = _changed(member, outlier_label_=label)
    return vote


def _nested_beginning() -> Any:
    innermost = DecisionTreeClassifier().fit(_ROWS, _TWO)
    inner = GradientBoostingRegressor(n_estimators=1).fit(_ROWS, _TWO)
    inner.init_ = _changed(innermost, classes_=np.zeros((2, 0)))
    outer = GradientBoostingRegressor(n_estimators=1).fit(_ROWS, _TWO)
    outer.init_ = inner
    return outer


def _rest(member: Any) -> Any:
    model = OneVsRestClassifier(LogisticRegression()).fit(_ROWS, _TWO)
    model.estimators_ = [member]
    return model


def _boosted_member() -> Any:
    member = AdaBoostClassifier(n_estimators=2).fit(_ROWS, _TWO)
    return _rest(_changed(member, estimator_weights_=np.ones((2, 9, 1))))


def _gaussian_member() -> Any:
    member = GaussianProcessClassifier().fit(_ROWS, _TWO)
    return _rest(_changed(member, base_estimator_=_changed(member.base_estimator_, pi_=_ROWS)))


def _quadratic_member() -> Any:
    member = QuadraticDiscriminantAnalysis().fit(_ROWS, _TWO)
    return _rest(_changed(member, priors_=np.full((9, 2), 0.5)))


def _repeating_step() -> Any:
    member = make_pipeline(FactorAnalysis(2), LogisticRegression()).fit(_ROWS, _TWO)
    _changed(member[0], mean_=np.zeros((9, 3)))
    return _rest(member)


CONTAINERS: dict[str, Callable[[], Any]] = {
    "rows of neighbours that are masked": _masked_rows,
    "classes of a vote that are masked": _masked_classes,
    "an outlier's label in a dict": partial(_far, {0: 2**63 - 1}),
    "an outlier's label that is masked": partial(_far, np.ma.masked_array([2**63 - 1])),
    "an outlier's label that is a huge fraction": partial(_far, [2.0**62]),
    "a beginning of a beginning without columns": _nested_beginning,
    "a boosted member of one against the rest": _boosted_member,
    "a Gaussian member of one against the rest": _gaussian_member,
    "a quadratic member of one against the rest": _quadratic_member,
    "a step that repeats rows for one against the rest": _repeating_step,
}
