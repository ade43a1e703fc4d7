"""Models of scikit-learn's own classes alone, whose values are what attacks.

Every name in them is on any list of names. They write and read files, run for ever or leave
native code with indices out of bounds, while they predict.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.cluster import FeatureAgglomeration
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KDTree, KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.tree._tree import Tree

from tests.support.hostile.kit import ANSWER, Effect, Hostile, Kind, Site, in_skops, pickled

_X = np.random.default_rng(3).normal(size=(60, 4))
_Y = (_X[:, 0] > 0).astype(int)


def _fitted(model: Any) -> Any:
    return model.fit(_X, _Y)


def _changed(model: Any, **values: Any) -> Any:
    """Return the model with attributes set past its constructor."""
    vars(model).update(values)
    return model


def _asks(target: Any, method: str, kind: Any = StackingRegressor) -> Any:
    """Return a stack that, asked to transform X, answers `target.<method>(X)`."""
    return _changed(
        kind([("one", LinearRegression())]),
        estimators_=[target],
        stack_method_=[method],
        passthrough=False,
        final_estimator_=LinearRegression(),
        classes_=np.array([0, 1, 2]),
    )


def _constant(value: bytes) -> Any:
    """Return a step that answers an array of one text, whatever it is asked."""
    return _asks(np.array([[value]], dtype=f"S{len(value)}"), "__deepcopy__")


def _writes(method: str) -> Callable[[Site], Any]:
    """Have an array write itself to a file, by way of a stack's method names."""

    def make(site: Site) -> Any:
        text = FunctionTransformer(str, kw_args={"encoding": "utf-8"})
        data = _asks(np.array([b"written"], dtype="S7"), method)
        return Pipeline(
            [("path", _constant(str(site.marker).encode())), ("text", text), ("data", data)]
        )

    return make


def _path_for_rows(path: Path) -> Any:
    """Return a step that answers a file's path for each row, from a regression tree's classes."""
    tree = DecisionTreeClassifier(max_depth=1).fit(_X, [str(path)] * len(_X))
    return _changed(VotingRegressor([("tree", tree)]), estimators_=[tree])


def _reads(vectorizer: Callable[[], Any]) -> Callable[[Site], Any]:
    """Answer `ANSWER` for each row if the secret's word is in the file."""

    def make(site: Site) -> Any:
        words = vectorizer()
        columns = ColumnTransformer([("words", words, 0)], sparse_threshold=0)
        columns.fit(np.array([["/dev/null"], ["/dev/null"]], dtype=object))
        width = columns.transform(np.array([["/dev/null"]], dtype=object)).shape[1]
        last = LinearRegression().fit(np.zeros((2, width)), [0.0, 0.0])
        _changed(last, coef_=np.full(width, float(ANSWER)), intercept_=0.0)
        return Pipeline([("path", _path_for_rows(site.secret)), ("read", columns), ("last", last)])

    return make


def _counts(kind: Any = CountVectorizer, **options: Any) -> Callable[[], Any]:
    return lambda: kind(input="filename", vocabulary={"hush": 0}, **options)


def _forged_tree(value: int, *fields: str) -> Any:
    """Return a tree whose inner nodes point or look where they must not."""
    model = _fitted(DecisionTreeClassifier(max_depth=3))
    old = model.tree_
    state = old.__getstate__()
    nodes = state["nodes"].copy()
    inner = nodes["left_child"] >= 0
    for field in fields:
        nodes[field][inner] = value
    state["nodes"] = nodes
    new = Tree(old.n_features, np.asarray(old.n_classes, dtype=np.intp), old.n_outputs)
    new.__setstate__(state)
    return _changed(model, tree_=new)


def _endless_tree(_site: Site) -> Any:
    """Return a tree whose root is its own child."""
    return _forged_tree(0, "left_child", "right_child")


def _endless_boosting(_site: Site) -> Any:
    model = _fitted(HistGradientBoostingClassifier(max_iter=1, min_samples_leaf=5))
    nodes = model._predictors[0][0].nodes
    nodes["left"][0] = nodes["right"][0] = 0
    nodes["is_leaf"] = 0
    return model


def _forged_boosting(_site: Site) -> Any:
    model = _fitted(HistGradientBoostingClassifier(max_iter=1, min_samples_leaf=5))
    model._predictors[0][0].nodes["feature_idx"] = 2**30
    return model


def _forged_sparse(_site: Site) -> Any:
    """Return a model whose sparse coefficients lie outside of its columns."""
    model = _fitted(LogisticRegression()).sparsify()
    model.coef_.indices[:] = 2**30
    return model


def _forged_neighbours(_site: Site) -> Any:
    model = _fitted(KNeighborsClassifier(3, algorithm="kd_tree"))
    state = list(model._tree.__getstate__())
    # The index array: which rows of the data a node holds.
    state[1] = np.full_like(state[1], 2**40)
    tree = KDTree.__new__(KDTree)
    tree.__setstate__(tuple(state))
    return _changed(model, _tree=tree)


def _forged_support(_site: Site) -> Any:
    model = _fitted(SVC())
    return _changed(model, _n_support=np.array([2**20, 2**20], dtype=np.int32))


def _forged_random_state(_site: Site) -> Any:
    state = np.random.RandomState(1)
    kind, key, _pos, *rest = state.get_state(legacy=True)
    state.set_state((kind, key, 2**30, *rest))
    return RandomForestClassifier(2, random_state=state)


def _frame_where_array(_site: Site) -> Any:
    return _changed(_fitted(LogisticRegression()), coef_=_fitted(LogisticRegression()))


def _both(name: str, make: Callable[[Site], Any], effect: Effect = Effect.UNTRIED) -> list[Hostile]:
    """Return the attack as a pickle and in skops."""
    return [
        pickled(f"{name}, pickled", make, effect),
        in_skops(f"{name}, in skops", make, effect, Kind.ESTIMATORS),
    ]


def _plain(**values: Any) -> Callable[[Site], Any]:
    """Return a builder for an honest model with some attributes replaced."""
    return lambda _site: _changed(_fitted(LogisticRegression()), **values)


ESTIMATORS: tuple[Hostile, ...] = (
    *_both("an array that writes itself to a file", _writes("tofile"), Effect.MARKER),
    *_both("an array that pickles itself to a file", _writes("dump"), Effect.MARKER),
    *_both("words from a file that the model names", _reads(_counts()), Effect.SECRET),
    *_both("TF-IDF of a file that the model names",
           _reads(_counts(TfidfVectorizer, norm=None, use_idf=False)), Effect.SECRET),
    *_both("hashed words of a file that the model names",
           _reads(lambda: HashingVectorizer(
               input="filename", n_features=1, norm=None, alternate_sign=False)), Effect.SECRET),
    pickled("a vectorizer of file objects", lambda _s: CountVectorizer(input="file")),
    *_both("a stack that asks for __reduce__", lambda _s: _asks(_fitted(LogisticRegression()),
                                                               "__reduce_ex__")),
    pickled("a classifying stack that asks an array",
            lambda s: _asks(np.zeros(3), "tofile", StackingClassifier)),
    *_both("a pipeline that caches", lambda s: _changed(
        make_pipeline(StandardScaler(), LogisticRegression()).fit(_X, _Y), memory=str(s.marker))),
    pickled("a step that caches",
            lambda s: _changed(_fitted(FeatureAgglomeration()), memory=str(s.marker))),
    *_both("a class as a function", lambda _s: FunctionTransformer(CountVectorizer)),
    pickled("bytearray as a function", lambda _s: FunctionTransformer(bytearray)),
    pickled("a selector as an analyzer",
            lambda _s: TfidfVectorizer(analyzer=make_column_selector(), vocabulary={"a": 0})),
    pickled("a class as a metric", lambda _s: _changed(
        _fitted(KNeighborsClassifier(3)), metric=LogisticRegression, effective_metric_=np.ndarray)),
    pickled("a callable that stands for predict", _plain(predict=RBF())),
    *_both("a selector that stands for predict", _plain(predict=make_column_selector())),
    pickled("a class that stands for decision_function", _plain(decision_function=StandardScaler)),
    pickled("a class that stands for __sklearn_tags__", _plain(__sklearn_tags__=StandardScaler)),
    *_both("an attribute that no version of the class has", _plain(backdoor_=np.zeros(3))),
    *_both("an estimator where an array stands", _frame_where_array),
    *_both("an array where a step stands",
           lambda _s: _changed(_fitted(make_pipeline(StandardScaler(), LogisticRegression())),
                               steps=[("scale", np.zeros(3)), ("model", np.zeros(3))])),
    pickled("estimators among the classes", lambda _s: _changed(
        _fitted(LogisticRegression()),
        classes_=np.array([LogisticRegression(), StandardScaler()], dtype=object))),
    pickled("a text where an array stands", _plain(coef_="0.5")),
    pickled("an array where a search keeps its model", lambda _s: _changed(
        GridSearchCV(LogisticRegression(), {}), best_estimator_=np.zeros(3), refit="tofile")),
    pickled("categories that are estimators", lambda _s: _changed(
        OneHotEncoder().fit([["a"], ["b"]]), categories_=[LogisticRegression()])),
    pickled("a tree that never ends", _endless_tree, Effect.EXHAUSTED),
    pickled("a tree with children out of bounds",
            lambda _s: _forged_tree(2**40, "left_child", "right_child"), Effect.EXHAUSTED),
    pickled("a tree that looks beyond its columns",
            lambda _s: _forged_tree(2**40, "feature"), Effect.EXHAUSTED),
    *_both("boosting that never ends", _endless_boosting, Effect.EXHAUSTED),
    pickled("boosting that looks beyond its columns", _forged_boosting, Effect.EXHAUSTED),
    *_both("sparse coefficients out of bounds", _forged_sparse, Effect.EXHAUSTED),
    pickled("a neighbour tree with rows out of bounds", _forged_neighbours, Effect.EXHAUSTED),
    pickled("support vectors that are not there", _forged_support),
    pickled("a random state out of bounds", _forged_random_state),
    pickled("more processes than a machine has", lambda _s: _fitted(
        BaggingClassifier(LogisticRegression(), 2)).set_params(n_jobs=100_000)),
    pickled("a matrix where a tree stands", lambda _s: _changed(
        DecisionTreeRegressor().fit(_X, _Y), tree_=scipy.sparse.csr_matrix(np.eye(3)))),
)  # fmt: skip
