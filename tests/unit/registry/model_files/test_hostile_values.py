"""Models of nothing but scikit-learn's classes, each with one value that does not belong there."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import cloudpickle
import numpy as np
import pytest
import scipy.sparse
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import (
    KernelDensity,
    KNeighborsClassifier,
    KNeighborsRegressor,
    LocalOutlierFactor,
    NearestNeighbors,
    RadiusNeighborsClassifier,
)
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from registry.model_files.judge import judge
from registry.model_files.pickle_reader import Problems, read_pickle
from registry.model_files.skops_reader import read_skops
from tests.support.hostile.indices import HONEST, INDICES
from tests.support.hostile.sizes import SIZES as TRUSTED
from tests.unit.registry.model_files.boosted_beginnings import BEGINNINGS
from tests.unit.registry.model_files.foreign_containers import CONTAINERS
from tests.unit.registry.model_files.histogram_columns import COLUMNS
from tests.unit.registry.model_files.unasked_sizes import ASKED, UNASKED

X, Y = make_classification(60, 4, random_state=0)


def changed(model: Any, **attributes: Any) -> Any:
    vars(model).update(attributes)
    return model


def line() -> Any:
    return LogisticRegression().fit(X, Y)


def stacked(member: object, method: object) -> Any:
    return changed(
        StackingRegressor([("a", LinearRegression())]),
        estimators_=[member],
        stack_method_=[method],
        final_estimator_=LinearRegression(),
    )


def tree(**fields: int) -> Any:
    """A decision tree whose first node is forged."""
    model = DecisionTreeClassifier(max_depth=2).fit(X, Y)
    state = model.tree_.__getstate__()
    nodes = state["nodes"].copy()
    for name, value in fields.items():
        nodes[name][0] = value
    model.tree_.__setstate__({**state, "nodes": nodes})
    return model


def neighbours(index: int, change: Callable[[Any], Any]) -> Any:
    model = KNeighborsClassifier(algorithm="kd_tree").fit(X, Y)
    state = list(model._tree.__getstate__())
    state[index] = change(state[index])
    model._tree.__setstate__(tuple(state))
    return model


def histogram(**fields: int) -> Any:
    model = HistGradientBoostingClassifier(max_iter=2).fit(X, Y)
    predictor = model._predictors[0][0]
    predictor.nodes = predictor.nodes.copy()
    for name, value in fields.items():
        predictor.nodes[name][0] = value
    return model


def matrix(**parts: Any) -> Any:
    found = scipy.sparse.csr_matrix(np.eye(4))
    vars(found).update(parts)
    return found


def spline(**parts: Any) -> Any:
    model = SplineTransformer().fit(X)
    vars(model.bsplines_[0]).update(parts)
    return model


def vectors(**parts: Any) -> Any:
    return changed(SVC().fit(X, Y), **parts)


def forest(features: int) -> Any:
    model = RandomForestClassifier(2).fit(X, Y)
    return changed(model, n_features_in_=features)


def booster() -> Any:
    model = GradientBoostingClassifier(n_estimators=2).fit(X, Y)
    return changed(model, n_trees_per_iteration_=1, n_classes_=9)


def isolated() -> Any:
    model = IsolationForest(n_estimators=2).fit(X)
    return changed(model, estimators_features_=[np.array([0, 99]), np.array([0, 1])])


def vectorizer(**options: Any) -> Any:
    return changed(CountVectorizer().fit(["a bb", "cc dd"]), **options)


HOSTILE: dict[str, Callable[[], Any]] = {
    # names of methods, and what they are looked up on
    "an array among estimators": lambda: stacked(np.zeros(3), "predict"),
    "the method tofile": lambda: stacked(LinearRegression(), "tofile"),
    "the method __deepcopy__": lambda: stacked(LinearRegression(), "__deepcopy__"),
    "the method fit": lambda: stacked(LinearRegression(), "fit"),
    "a text among estimators": lambda: stacked("predict", "predict"),
    "an array as final estimator": lambda: changed(
        stacked(LinearRegression(), "predict"), final_estimator_=np.zeros(2)
    ),
    "an array among voters": lambda: changed(
        VotingClassifier([("a", line())]), estimators_=[np.zeros(2)]
    ),
    "an array as a step": lambda: Pipeline([("a", np.zeros(3))]),
    "a step that is no pair": lambda: changed(Pipeline([("a", line())]), steps=[line()]),
    "an array in a union": lambda: changed(
        FeatureUnion([("a", StandardScaler())]), transformer_list=[("a", np.zeros(2))]
    ),
    "an array as column transformer": lambda: changed(
        ColumnTransformer([("a", StandardScaler(), [0])]).fit(X),
        transformers_=[("a", np.zeros(2), [0])],
    ),
    "columns that are an estimator": lambda: changed(
        ColumnTransformer([("a", StandardScaler(), [0])]).fit(X),
        transformers_=[("a", StandardScaler(), line())],
    ),
    "an array as best estimator": lambda: changed(
        GridSearchCV(line(), {"C": [1.0]}, cv=2).fit(X, Y), best_estimator_=np.zeros(2)
    ),
    "an array as calibrated classifier": lambda: changed(
        CalibratedClassifierCV(line(), cv=2).fit(X, Y), calibrated_classifiers_=[np.zeros(2)]
    ),
    # estimators and texts where arrays stand
    "an estimator as coefficients": lambda: changed(line(), coef_=StandardScaler()),
    "a text as coefficients": lambda: changed(line(), coef_="0.5"),
    "an estimator among classes": lambda: changed(
        line(), classes_=np.array([line(), line()], dtype=object)
    ),
    "an estimator in a dict": lambda: changed(line(), n_iter_={"a": line()}),
    # parameters that open files or call
    "input from a file's name": lambda: vectorizer(input="filename"),
    "input from a file": lambda: TfidfVectorizer(input="file"),
    "a cache folder": lambda: Pipeline([("a", line())], memory="/tmp/cache"),
    "a function that is no plain one": lambda: FunctionTransformer(np.save),
    "a type as function": lambda: FunctionTransformer(str),
    "a function of scikit-learn's": lambda: FunctionTransformer(partial(SelectKBest)),
    "keyword arguments of a file": lambda: FunctionTransformer(
        np.round, kw_args={"out": "/tmp/x"}
    ),
    "a text among keyword arguments": lambda: FunctionTransformer(
        np.round, kw_args={"decimals": "/tmp/x"}
    ),
    "a callable inverse": lambda: TransformedTargetRegressor(inverse_func=np.load),
    "a callable kernel": lambda: changed(SVC(), kernel=np.log1p),
    "a callable metric": lambda: changed(KNeighborsClassifier(), metric=np.log1p),
    "a callable among metric parameters": lambda: changed(
        KNeighborsClassifier(), metric_params={"func": np.log1p}
    ),
    "a callable tokenizer": lambda: CountVectorizer(tokenizer=np.log1p),
    "a callable analyzer": lambda: CountVectorizer(analyzer=np.log1p),
    "a callable preprocessor": lambda: CountVectorizer(preprocessor=np.log1p),
    "callable weights": lambda: KNeighborsClassifier(weights=np.log1p),
    "a score function elsewhere": lambda: SelectKBest(np.log1p),
    "a statistic that is a function": lambda: SimpleImputer(strategy=np.load),
    "a kernel that is an array": lambda: GaussianProcessRegressor(kernel=np.zeros(2)),
    "too many jobs": lambda: RandomForestClassifier(n_jobs=10**6),
    "a solver without end": lambda: changed(line(), solver="x" * 100),
    # attributes
    "an attribute of another class": lambda: changed(line(), stack_method_=["predict"]),
    "an attribute of nobody": lambda: changed(line(), evil_=1),
    **{
        f"{name}, which scikit-learn sets on other objects": partial(
            lambda name: changed(line(), **{name: 1}), name
        )
        for name in ("writeable", "estimator_type", "sparse", "_sklearn_auto_wrap_output_keys")
    },
    "a method hidden by data": lambda: changed(line(), predict=1),
    "a length hidden by data": lambda: changed(line(), __len__=1),
    "a class": lambda: changed(line(), __class__=1),
    "tags": lambda: changed(line(), __sklearn_tags__=1),
    "a property hidden by data": lambda: changed(
        RandomForestClassifier(2).fit(X, Y), feature_importances_=1
    ),
    "an unknown output": lambda: changed(
        StandardScaler().fit(X), _sklearn_output_config={"transform": "os"}
    ),
    "a number beyond 64 bits": lambda: changed(line(), n_features_in_=10**30),
    "a text without end": lambda: changed(line(), n_iter_="x" * 10_000_001),
    # what compiled code trusts
    "a child out of range": lambda: tree(left_child=10_000),
    "a child that is its parent": lambda: tree(left_child=0),
    "a feature out of range": lambda: tree(feature=4_000),
    "a negative feature": lambda: tree(feature=-7),
    "a forest of fewer features": lambda: forest(2),
    "a boosted tree of fewer classes": booster,
    "a subset out of range": isolated,
    "a histogram's child out of range": lambda: histogram(left=60_000),
    "a histogram's feature out of range": lambda: histogram(feature_idx=60_000),
    "a histogram's category": lambda: histogram(is_categorical=1, is_leaf=0),
    "rows of a neighbour tree out of range": lambda: neighbours(1, lambda v: v + 1_000),
    "ranges of a neighbour tree out of range": lambda: neighbours(
        2, lambda v: np.array([(0, 9_999, 1, 1.0)], v.dtype)
    ),
    "levels of a neighbour tree": lambda: neighbours(5, lambda _v: 20),
    "classes of neighbours out of range": lambda: changed(
        KNeighborsClassifier(algorithm="brute").fit(X, Y), _y=np.full(60, 1_000)
    ),
    "sparse indices out of range": lambda: changed(
        line(), coef_=matrix(indices=np.array([0, 1, 2, 900], np.int32))
    ),
    "sparse pointers out of order": lambda: changed(
        line(), coef_=matrix(indptr=np.array([0, 3, 2, 3, 4], np.int32))
    ),
    "knots out of order": lambda: spline(_t=np.arange(20.0)[::-1].copy()),
    "a spline of a high degree": lambda: spline(k=40),
    "support vectors of fewer features": lambda: vectors(support_vectors_=np.zeros((3, 1))),
    "support counts out of range": lambda: vectors(_n_support=np.array([900, 900], np.int32)),
    "support coefficients too few": lambda: vectors(_dual_coef_=np.zeros((1, 1))),
    "support intercepts too few": lambda: vectors(_intercept_=np.zeros(0)),
    "a term out of range": lambda: vectorizer(vocabulary_={"bb": 0, "cc": 90}),
    "two terms in one column": lambda: vectorizer(vocabulary_={"bb": 0, "cc": 0}),
    "categories without room": lambda: changed(
        OneHotEncoder().fit([["a"], ["b"]]), _n_features_outs=[1]
    ),
    "clusters of fewer features": lambda: changed(
        KMeans(2, n_init=1).fit(X), cluster_centers_=np.zeros((2, 1))
    ),
}  # fmt: skip

NEIGHBOURS: dict[str, Callable[..., Any]] = {
    "classifier": KNeighborsClassifier,
    "regressor": KNeighborsRegressor,
    "radius": RadiusNeighborsClassifier,
    "search": NearestNeighbors,
    "outliers": partial(LocalOutlierFactor, novelty=True),
}
FOREIGN_ARGUMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "a small matrix": ("mahalanobis", {"VI": np.zeros((1, 1))}),
    "a flat matrix": ("mahalanobis", {"VI": np.zeros(4)}),
    "a matrix of objects": ("mahalanobis", {"VI": np.full((4, 4), None)}),
    "a small covariance": ("mahalanobis", {"V": np.eye(3)}),
    "few variances": ("seuclidean", {"V": np.ones(1)}),
    "few weights": ("minkowski", {"p": 3, "w": np.ones(1)}),
    "few weights in a list": ("minkowski", {"w": [1.0]}),
    "norms of the rows": ("euclidean", {"Y_norm_squared": np.zeros(1)}),
    "norms of the query": ("euclidean", {"X_norm_squared": np.zeros(1)}),
    "squares": ("euclidean", {"squared": True}),
    "jobs": ("cosine", {"n_jobs": 10}),
    "a function": ("minkowski", {"func": "abs"}),
    "a power that is a text": ("minkowski", {"p": "3"}),
    "a power that is none": ("minkowski", {"p": float("nan")}),
    "a negative power": ("minkowski", {"p": -1}),
    "places of four features": ("haversine", {}),
}


def searched(kind: str, **attributes: Any) -> Any:
    return changed(NEIGHBOURS[kind](algorithm="brute").fit(X, Y), **attributes)


HOSTILE |= {
    f"{name} in the {kind}'s {prefix}metric": partial(
        searched,
        kind,
        **(
            {"effective_metric_": metric, "effective_metric_params_": arguments}
            if prefix
            else {"metric": metric, "metric_params": arguments}
        ),
    )
    for kind in NEIGHBOURS
    for prefix in ("effective ", "")
    for name, (metric, arguments) in FOREIGN_ARGUMENTS.items()
}
HOSTILE |= {
    "a neighbour's foreign argument inside a vote": lambda: changed(
        VotingClassifier([("a", line())]),
        estimators_=[searched("classifier", effective_metric_params_={"Y_norm_squared": X[0]})],
    ),
    "few weights of a density": lambda: changed(
        KernelDensity().fit(X), metric="minkowski", metric_params={"w": np.ones(1)}
    ),
    "a metric that is no name": lambda: searched("search", effective_metric_=np.zeros(2)),
}
HOSTILE |= {
    f"a {kind} that computes distances and says {name} precomputed": partial(
        searched, kind, **attributes
    )
    for kind in NEIGHBOURS
    for name, attributes in {
        "its metric is": {"metric": "precomputed"},
        "the one in effect is": {"effective_metric_": "precomputed"},
        "all are": {"metric": "precomputed", "effective_metric_": "precomputed"},
    }.items()
}
HOSTILE |= TRUSTED
HOSTILE |= INDICES
HOSTILE |= BEGINNINGS | COLUMNS | CONTAINERS | UNASKED

DUMPS: dict[str, Callable[[Any], bytes]] = {
    "pickle": pickle.dumps,
    "cloudpickle": cloudpickle.dumps,
    "skops": skops.io.dumps,
}


def refusals(data: bytes) -> tuple[str, ...]:
    problems = Problems()
    read = read_skops if data[:2] == b"PK" else read_pickle
    root = read(memoryview(data), problems)
    if not problems:
        judge(root, problems)
    return problems.lines()


@pytest.mark.parametrize("kept", DUMPS)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_value_that_does_not_belong_there_is_refused(name: str, kept: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = HOSTILE[name]()
        try:
            data = DUMPS[kept](make_pipeline(model))
        except (skops.io.exceptions.UnsupportedTypeException, AttributeError, TypeError):
            pytest.skip(f"{kept} cannot write it")
    assert refusals(data)


HONEST_METRICS: tuple[dict[str, Any], ...] = (
    {"metric": "minkowski", "p": 3},
    {"metric": "minkowski", "metric_params": {"p": 3}},
    {"metric": "minkowski", "p": 1.5, "metric_params": {"w": np.array([1.0, 2.0, 3.0, 4.0])}},
    {"metric": "minkowski", "metric_params": {"w": [1, 2, 3, 4]}},
    {"metric": "cosine"},
    {"metric": "euclidean"},
    {"metric": "manhattan", "metric_params": {}},
    {"metric": "mahalanobis", "metric_params": {"VI": np.eye(4)}},
    {"metric": "mahalanobis", "metric_params": {"V": np.eye(4)}},
    {"metric": "seuclidean", "metric_params": {"V": np.ones(4)}},
    {"metric": "nan_euclidean", "metric_params": {"missing_values": -1.0}},
)


@pytest.mark.parametrize("kept", DUMPS)
@pytest.mark.parametrize("options", HONEST_METRICS, ids=str)
def test_a_distance_with_arguments_of_its_own_passes(options: dict[str, Any], kept: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = KNeighborsClassifier(algorithm="brute", **options).fit(X, Y)
    members = [("a", model), ("b", KNeighborsClassifier(**options))]
    templates = VotingClassifier(members, voting="soft")
    templates.estimators_ = [model]
    assert refusals(DUMPS[kept](templates)) == ()


def test_distances_that_were_computed_beforehand_pass() -> None:
    apart = np.abs(X[:, :1] - X[:, :1].T)
    model = KNeighborsClassifier(metric="precomputed").fit(apart, Y)
    assert refusals(pickle.dumps(model)) == ()


def test_places_on_a_globe_pass() -> None:
    model = KNeighborsRegressor(algorithm="brute", metric="haversine").fit(X[:, :2], Y)
    assert refusals(pickle.dumps(model)) == ()


@pytest.mark.parametrize("kept", DUMPS)
@pytest.mark.parametrize("name", HONEST | ASKED)
def test_numbers_that_scikit_learn_counts_by_itself_pass(name: str, kept: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = (HONEST | ASKED)[name]()
    assert refusals(DUMPS[kept](model)) == ()


@pytest.mark.parametrize("kept", DUMPS)
def test_the_same_models_with_honest_values_pass(kept: str) -> None:
    honest = [
        line(), tree(), neighbours(5, lambda v: v), histogram(), spline(), vectors(), forest(4),
        vectorizer(), changed(KMeans(2, n_init=1).fit(X)),
        StackingClassifier([("a", line())], cv=2).fit(X, Y), IsotonicRegression().fit(X[:, 0], Y),
        SGDClassifier().fit(X, Y),
    ]  # fmt: skip
    for model in honest:
        assert refusals(DUMPS[kept](make_pipeline(model))) == ()
