"""Forged parts of honest kinds: kernels, scorers, choices of a search, linked clusters, encodings.

Each row is a sibling of what `tests.support.honest_parts` has pass.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse
import scipy.stats
import sklearn
from sklearn import metrics
from sklearn.cluster import Birch
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectKBest, f_classif, mutual_info_classif
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, PairwiseKernel
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.linear_model._passive_aggressive import PassiveAggressiveClassifier
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    RepeatedKFold,
    TunedThresholdClassifierCV,
)
from sklearn.preprocessing import StandardScaler, TargetEncoder
from sklearn.svm import SVR

from tests.support.hostile.kit import Effect, Hostile, Kind, Site, answering, in_skops, pickled

_X = np.random.default_rng(3).normal(size=(60, 4))
_Y = (_X[:, 0] > 0).astype(int)
_WORDS = np.array([["a", "x"], ["b", "y"], ["c", "x"]] * 20, dtype=object)


def _changed(model: Any, **values: Any) -> Any:
    vars(model).update(values)
    return model


def _process(kernel: Any) -> Any:
    return _changed(GaussianProcessRegressor(RBF()).fit(_X, _Y), kernel_=kernel)


def _classes(**values: Any) -> Any:
    model = GaussianProcessClassifier(RBF()).fit(_X, _Y)
    _changed(model.base_estimator_, **values)
    return model


def _searched(**values: Any) -> Any:
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2, scoring=["accuracy", "f1"],
                          refit="f1").fit(_X, _Y)  # fmt: skip
    return _changed(search, **values)


def _scoring(function: Any = metrics.f1_score, response: Any = "predict", **options: Any) -> Any:
    scorer = metrics.make_scorer(metrics.f1_score)
    _changed(scorer, _score_func=function, _kwargs=options, _response_method=response)
    return _searched(scorer_={"f1": scorer})


def _results(choice: Any) -> Any:
    search = _searched()
    search.cv_results_["param_C"] = np.ma.MaskedArray(np.array([choice], dtype=object))
    return search


def _clusters() -> Any:
    return Birch(threshold=0.3, branching_factor=3).fit(_X)


def _leaf(**values: Any) -> Any:
    model = _clusters()
    _changed(model.dummy_leaf_.next_leaf_, **values)
    return model


def _looping() -> Any:
    model = _clusters()
    return _changed(model, dummy_leaf_=_changed(model.dummy_leaf_, next_leaf_=model.dummy_leaf_))


def _chain_that_returns() -> Any:
    model = _clusters()
    leaf = model.dummy_leaf_.next_leaf_
    _changed(leaf.next_leaf_, next_leaf_=leaf)
    return model


def _own_child() -> Any:
    model = _clusters()
    _changed(model.root_.subclusters_[0], child_=model.root_)
    return model


def _forgotten_leaf() -> Any:
    model = _clusters()
    first = model.dummy_leaf_.next_leaf_
    second = first.next_leaf_
    _changed(model.dummy_leaf_, next_leaf_=second)
    _changed(second, prev_leaf_=model.dummy_leaf_)
    return model


def _encoded(target: Any = None, **values: Any) -> Any:
    model = TargetEncoder(cv=2).fit(_WORDS, _X[:, 0] if target is None else target)
    return _changed(model, **values)


def _shorter(encodings: list[Any]) -> list[Any]:
    return [encodings[0][:1], *encodings[1:]]


def _owned(owner: Any) -> Any:
    with sklearn.config_context(enable_metadata_routing=True):
        model = LogisticRegression().set_fit_request(sample_weight=True).fit(_X, _Y)
    _changed(model._metadata_request, owner=owner)
    return model


def _boosted(owner: Any = None, method: str = "_raw_predict") -> Any:
    model = HistGradientBoostingClassifier(max_iter=1).fit(_X, _Y)
    return _changed(model, _raw_predict=getattr(owner or model, method))


def _sparse_vectors() -> Any:
    model = SVR().fit(scipy.sparse.csr_matrix(_X), _X[:, 0])
    rows = len(model.support_)
    return _changed(model, _n_support=np.array([rows, 0, 0], dtype=np.int32))


def _passive(**values: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return _changed(PassiveAggressiveClassifier().fit(_X, _Y), **values)


def _distribution(site: Site) -> Any:
    """Return a search over a distribution whose template is code, which loading it runs."""
    frozen = scipy.stats.uniform(0, 1)
    template = (
        f"import os\nos.mkdir({str(site.marker)!r})\n" + vars(frozen.dist)["_parse_arg_template"]
    )
    _changed(frozen.dist, _parse_arg_template=template)
    return answering(_changed(RandomizedSearchCV(StandardScaler(), {"C": frozen}),
                              best_estimator_=StandardScaler().fit(_X)))  # fmt: skip


# Kinds of forgeries that both formats can carry.
_BOTH: dict[str, Callable[[], Any]] = {
    "a kernel that names a method": lambda: _process(_changed(RBF() ** 2, kernel="tofile")),
    "a kernel that is the name of a method": lambda: _process("tofile"),
    "an array where the kernel of classes stands": lambda: _classes(kernel_=np.zeros(3)),
    "an estimator where a kernel is summed": lambda: _process(
        _changed(RBF() + RBF(), k1=LinearRegression())),
    "a function as the metric of a kernel": lambda: _process(PairwiseKernel(metric=np.log1p)),
    "a kernel of more processes than a machine has": lambda: _process(
        PairwiseKernel(pairwise_kernels_kwargs={"n_jobs": 100_000})),
    "features of more processes than a machine has": lambda: _changed(
        Nystroem(n_components=2).fit(_X), kernel_params={"n_jobs": 100_000}),
    "a vectorizer of files as a kernel": lambda: KernelRidge(
        kernel=CountVectorizer(input="filename")),
    "a scorer that is no scorer": lambda: _searched(scorer_={"f1": np.log1p}),
    "a scorer of the system's": lambda: _searched(scorer_={"f1": os.getcwd}),
    "an estimator where a scorer stands": lambda: _searched(scorer_={"f1": LinearRegression()}),
    "scorers by numbers": lambda: _searched(scorer_={1: metrics.make_scorer(metrics.f1_score)}),
    "a metric of the system's": lambda: _scoring(os.getcwd),
    "a metric that loads": lambda: _scoring(np.load),
    "a metric that asks for a method": lambda: _scoring(response="tofile"),
    "a metric with a foreign argument": lambda: _scoring(file="/tmp/x"),
    "a metric with a function among its arguments": lambda: _scoring(average=np.log1p),
    "metrics that are functions": lambda: _searched(scoring={"f1": np.log1p}),
    "a metric to refit for that nobody has": lambda: _searched(refit="tofile"),
    "a function of the system's among the choices": lambda: _searched(
        param_grid={"C": [os.getcwd]}),
    "a class among the choices": lambda: _searched(param_grid={"C": [LogisticRegression]}),
    "a vectorizer of files among the choices": lambda: _searched(
        param_grid=[{"C": [CountVectorizer(input="filename")]}]),
    "a vectorizer of files among the results": lambda: _results(CountVectorizer(input="file")),
    "a function that loads among the results": lambda: _results(np.load),
    "a vectorizer of files as the best choice": lambda: _searched(
        best_params_={"C": CountVectorizer(input="filename")}),
    "a search whose choices stand elsewhere": lambda: _changed(
        LogisticRegression().fit(_X, _Y), n_iter_={"C": [LogisticRegression()]}),
    "a score with a foreign function": lambda: SelectKBest(partial(np.load)),
    "a score with arguments in order": lambda: SelectKBest(partial(f_classif, 1)),
    "a score of many processes": lambda: SelectKBest(partial(mutual_info_classif, n_jobs=100_000)),
    "a frozen array": lambda: _changed(FrozenEstimator(LogisticRegression()),
                                       estimator=np.zeros(3)),
    "a frozen vectorizer of files": lambda: FrozenEstimator(CountVectorizer(input="filename")),
    "a frozen step where classes are told": lambda: _changed(
        TunedThresholdClassifierCV(LogisticRegression()),
        estimator=FrozenEstimator(StandardScaler())),
    "encodings for fewer categories": lambda: _encoded(
        encodings_=_shorter(_encoded().encodings_)),
    "encodings for fewer features": lambda: _encoded(encodings_=_encoded().encodings_[:1]),
    "encodings of several classes for one": lambda: _encoded(
        np.arange(60) % 3, encodings_=_encoded().encodings_),
    "encodings without their classes": lambda: _encoded(_Y, classes_=None),
    "encodings of numbers with classes": lambda: _encoded(classes_=np.array([0, 1])),
    "encodings that are estimators": lambda: _encoded(encodings_=[LinearRegression()] * 2),
    "encodings of texts": lambda: _encoded(encodings_=[np.array(["a", "b", "c"])] * 2),
    "encodings with a foreign mean": lambda: _encoded(target_mean_=np.zeros(7)),
    "no classes where nothing encodes": lambda: _changed(
        LogisticRegression().fit(_X, _Y), classes_=None),
    "a class that is repeated": lambda: _searched(cv=_changed(RepeatedKFold(), cv=GridSearchCV)),
    "a function that repeats": lambda: _searched(cv=_changed(RepeatedKFold(), cv=os.getcwd)),
    "a statistic that loads": lambda: _changed(SimpleImputer().fit(_X), strategy=np.load),
    "a metric out of the bag that loads": lambda: _changed(
        RandomForestClassifier(2).fit(_X, _Y), oob_score=np.load),
    "sparse support vectors with a count too many": _sparse_vectors,
    "an aggressive text": lambda: _passive(coef_="0.5"),
    "an aggressive method": lambda: _passive(predict=RBF()),
    "an aggressive loss that is none": lambda: _passive(loss_function_=LinearRegression()),
}  # fmt: skip
# skops writes no cycles.
_PICKLED: dict[str, Callable[[], Any]] = {
    "a leaf that is its own neighbour": _looping,
    "a chain of leaves that returns": _chain_that_returns,
    "clusters that hold themselves": _own_child,
    "a leaf that the chain forgets": _forgotten_leaf,
    "a leaf that links to an estimator": lambda: _leaf(next_leaf_=LinearRegression()),
    "a leaf with fewer columns": lambda: _leaf(centroids_=np.zeros((1, 1))),
    "a leaf with fewer rows than clusters": lambda: _leaf(init_sq_norm_=np.zeros(1)),
    "a leaf that is a function": lambda: _leaf(subclusters_=[os.getcwd]),
    "a leaf of more room than it has": lambda: _leaf(branching_factor=2**40),
    "clusters under an estimator": lambda: _changed(_clusters(), root_=LinearRegression()),
    "clusters without a chain": lambda: _changed(_clusters(), dummy_leaf_=None),
    "clusters of fewer features": lambda: _changed(
        _clusters(), subcluster_centers_=np.zeros((2, 1))),
    "clusters with fewer lengths": lambda: _changed(_clusters(), _subcluster_norms=np.zeros(1)),
    "clusters with fewer labels": lambda: _changed(
        _clusters(), subcluster_labels_=np.zeros(1, dtype=int)),
    "clusters where coefficients stand": lambda: _changed(
        LogisticRegression().fit(_X, _Y), coef_=_clusters().root_),
    "a request that an array owns": lambda: _owned(np.zeros(3)),
    "a request that a function owns": lambda: _owned(os.getcwd),
    "a request that a vectorizer of files owns": lambda: _owned(CountVectorizer(input="filename")),
    "a method of another model": lambda: _boosted(_boosted()),
    "another method of the model": lambda: _boosted(method="predict"),
    "a method of a list": lambda: _boosted([1], "append"),
}  # fmt: skip


def _forged(build: Callable[[], Any], _site: Site) -> Any:
    return build()


PARTS: tuple[Hostile, ...] = (
    *(pickled(f"{name}, pickled", partial(_forged, build))
      for name, build in {**_BOTH, **_PICKLED}.items()),
    *(in_skops(f"{name}, in skops", partial(_forged, build), kind=Kind.ESTIMATORS)
      for name, build in _BOTH.items()),
    pickled("a distribution whose template is code", _distribution, Effect.MARKER),
)  # fmt: skip
