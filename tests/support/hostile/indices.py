"""Fitted estimators with forged numbers that are counted by, looked up, or name a column."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.cluster import FeatureAgglomeration
from sklearn.covariance import EllipticEnvelope
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import VotingClassifier
from sklearn.feature_selection import RFE
from sklearn.frozen import FrozenEstimator
from sklearn.impute._iterative import IterativeImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import ClassifierChain, RegressorChain
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, OrdinalEncoder

from tests.support.hostile.kit import Hostile, pickled

_X = np.random.default_rng(7).random((60, 4))
_Y = (_X[:, 0] > 0.5).astype(int)
_MOST = 2**63 - 1
_TEXTS = np.array([["a"] * 9 + ["b"] * 9 + ["c", "d", "e"]], dtype=object).T


def _changed(model: Any, **values: Any) -> Any:
    vars(model).update(values)
    return model


def _groups(labels: Any, **values: Any) -> Any:
    model = FeatureAgglomeration(2).fit(_X)
    return _changed(model, labels_=np.array(labels), **values)


def _behind_a_hole(model: Any) -> Any:
    """Put a model where it is asked only for rows with a missing value."""
    holed = _X.copy()
    holed[::7, 0] = np.nan
    imputer = IterativeImputer(LinearRegression(), max_iter=1, tol=1e6, skip_complete=False)
    imputer.fit(holed)
    imputer.imputation_sequence_ = [
        step._replace(estimator=Pipeline([("groups", model), ("line", LinearRegression())]))
        for step in imputer.imputation_sequence_
    ]
    return imputer


def _envelope(**values: Any) -> Any:
    return _changed(EllipticEnvelope().fit(_X), **values)


def _vote(member: Any, voting: str = "hard") -> Any:
    model = VotingClassifier([("a", LogisticRegression())], voting=voting).fit(_X, _Y)
    return _changed(model, estimators_=[member])


def _line(**values: Any) -> Any:
    return _changed(LogisticRegression().fit(_X, _Y), **values)


def _chained(kind: Any, base: Any, order: object) -> Any:
    return _changed(kind(base).fit(_X, np.c_[_Y, 1 - _Y]), order_=order)


def _rare(drop: str | None = None, **values: Any) -> Any:
    unknown = "infrequent_if_exist" if drop is None else "error"
    model = OneHotEncoder(min_frequency=5, drop=drop, handle_unknown=unknown).fit(_TEXTS)
    return _changed(model, **values)


def _binned() -> Any:
    model = KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf").fit(_X)
    inner = model._encoder
    _changed(inner, _infrequent_enabled=True, _infrequent_indices=[np.array([9])] * 4,
             _default_to_infrequent_mappings=[None] * 4)  # fmt: skip
    return model


_ONE = np.eye(1)
INDICES: dict[str, Callable[[], Any]] = {
    **{
        f"features in group {name}": partial(_groups, labels)
        for name, labels in {
            "2**63 - 1": [_MOST] * 4,
            "2**63 - 1, once": [_MOST, 0, 0, 1],
            "of choice": [_MOST, 1000, 0, 1],
            "10**9": [10**9, 0, 0, 1],
            "-1": [-1, 0, 0, 1],
            "2 of two": [0, 0, 1, 2],
            "0 alone": [0, 0, 0, 0],
            "0, as fractions": [0.0, 0.0, 1.0, 1.0],
            "0, fewer": [0, 1],
            "0, more": [0, 1] * 4,
            "0, as a table": [[0, 1, 0, 1]],
        }.items()
    },
    "groups of no number": lambda: _groups([0, 1, 0, 1], n_clusters_=None),
    "groups of a great number": lambda: _groups([0, 1, 0, 1], n_clusters_=10**15),
    "a group of choice behind a hole": lambda: _behind_a_hole(_groups([_MOST, 2**40, 0, 1])),
    **{
        f"an envelope whose {name} is {form}": partial(_envelope, **{name: value})
        for name in ("precision_", "covariance_")
        for form, value in {
            "1 by 1": _ONE, "1 by 4": np.ones((1, 4)), "4 by 1": np.ones((4, 1)),
            "flat": np.ones(16), "deep": np.ones((4, 4, 4)), "whole": np.eye(4, dtype=int),
            "none": None, "empty": np.ones((0, 0)),
        }.items()
    },
    "an envelope around another place": lambda: _envelope(location_=np.zeros(1)),
    "an envelope that computes a small matrix": lambda: _envelope(
        store_precision=False, precision_=None, covariance_=_ONE
    ),
    "a vote for a number of choice": lambda: _vote(_line(classes_=np.array([0, _MOST]))),
    "a vote for a large number": lambda: _vote(_line(classes_=np.array([0, 10**9]))),
    "a vote for less than none": lambda: _vote(_line(classes_=np.array([-1, 1]))),
    "a vote of a constant": lambda: _vote(
        _changed(DummyClassifier(strategy="constant", constant=1).fit(_X, _Y), constant=_MOST)
    ),
    "a vote of what is no classifier": lambda: _vote(
        DummyRegressor(strategy="constant", constant=_MOST).fit(_X, _Y)
    ),
    "a vote inside a pipeline": lambda: _vote(
        make_pipeline(_line(classes_=np.array([0, _MOST])))
    ),
    "a vote inside a vote": lambda: _vote(_vote(_line(classes_=np.array([0, _MOST])), "soft")),
    **{
        f"a chain of {kind.__name__} in order {order!r}": partial(_chained, kind, base, order)
        for kind, base in (
            (ClassifierChain, LogisticRegression()), (RegressorChain, LinearRegression())
        )
        for order in (np.array([0, 0]), np.array([1, 2]), np.array([0]), np.array([0.0, 1.0]),
                      [1, 1], [0, True], None)
    },
    "an unknown category in a column of choice": lambda: _rare(
        _infrequent_indices=[np.array([10**6])]
    ),
    "an unknown category that is not mapped": lambda: _rare(
        _infrequent_indices=[np.array([4])], _default_to_infrequent_mappings=[None],
        _n_features_outs=[5],
    ),
    "rare categories that are not grouped": lambda: _rare(_infrequent_enabled=False),
    "rare categories of no place": lambda: _rare(
        _infrequent_indices=[np.zeros(0, dtype=np.int64)]
    ),
    "rare categories of fewer features": lambda: _rare(_infrequent_indices=[]),
    "a dropped category beyond the groups": lambda: _rare(
        "first", _drop_idx_after_grouping=np.array([4], dtype=object)
    ),
    "bins with a rare one of choice": _binned,
}  # fmt: skip

# The same kinds, as scikit-learn fits them.
HONEST: dict[str, Callable[[], Any]] = {
    "features in groups": lambda: FeatureAgglomeration(3).fit(_X),
    "features in groups by distance": lambda: FeatureAgglomeration(
        n_clusters=None, distance_threshold=1.0
    ).fit(_X),
    "groups behind a hole": lambda: _behind_a_hole(FeatureAgglomeration(2).fit(_X[:, 1:])),
    "an envelope": lambda: EllipticEnvelope().fit(_X),
    "an envelope that computes its matrix": lambda: EllipticEnvelope(store_precision=False).fit(_X),
    "a vote of a pipeline and a search": lambda: VotingClassifier(
        [
            ("pipeline", make_pipeline(OneHotEncoder(), LogisticRegression())),
            ("search", GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2)),
            ("some features", RFE(LogisticRegression(), n_features_to_select=1)),
            ("constant", DummyClassifier(strategy="constant", constant=1)),
        ]
    ).fit(_Y.reshape(-1, 1).repeat(2, axis=1), _Y),
    "a vote for texts": lambda: VotingClassifier([("a", LogisticRegression())]).fit(
        _X, np.where(_Y == 1, "yes", "no")
    ),
    "a vote by probability of members that were fitted before": lambda: VotingClassifier(
        [("a", FrozenEstimator(LogisticRegression().fit(_X, _Y + 5)))], voting="soft"
    ).fit(_X, _Y + 5),
    "a chain in an order by chance": lambda: ClassifierChain(
        LogisticRegression(), order="random", random_state=1
    ).fit(_X, np.c_[_Y, 1 - _Y, _Y]),
    "a chain in a stated order": lambda: RegressorChain(LinearRegression(), order=[1, 0]).fit(
        _X, np.c_[_Y, 1 - _Y]
    ),
    "rare categories": _rare,
    "rare categories of some features": lambda: OneHotEncoder(min_frequency=5).fit(
        np.hstack([_TEXTS, np.full_like(_TEXTS, "same")])
    ),
    "rare categories and a missing one": lambda: OneHotEncoder(
        min_frequency=5, drop="first"
    ).fit(np.vstack([_TEXTS, [[np.nan]]])),
    "ranks of rare categories and a missing one": lambda: OrdinalEncoder(min_frequency=5).fit(
        np.vstack([_TEXTS, [[np.nan]]])
    ),
    "bins": lambda: KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf").fit(_X),
}  # fmt: skip


def _row(label: str, make: Callable[[], Any]) -> Hostile:
    return pickled(label, lambda _site: make())


FORGED: tuple[Hostile, ...] = tuple(_row(label, make) for label, make in INDICES.items())
