"""Checks relations between the attributes of an estimator that compiled code relies on.

Every attribute alone may be in order and the estimator still read foreign memory: a forest that
promises two features over trees that read three, support vectors narrower than the data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from registry.model_files import (
    cf_trees,
    distances,
    fitted_rules,
    histogram_rules,
    index_rules,
    part_rules,
)
from registry.model_files.families import Family, family
from registry.model_files.nodes import Array, Instance, array

State = dict[str, Any]
_ROWS_AT_A_TIME = 256


def check(node: Instance) -> str | None:
    """Return why the attributes of an object do not fit each other, or None if they do."""
    state = node.state
    if not isinstance(state, dict):
        return None
    for applies, rule in _RULES:
        if applies in state:
            problem = rule(node.cls, state)
            if problem is not None:
                return problem
    return None


def _features(state: State) -> object:
    return state.get("n_features_in_")


def _own_tree(_cls: type, state: State) -> str | None:
    tree = state["tree_"]
    if isinstance(tree, Instance) and family(tree.cls) is Family.TREE:
        width = _features(state)
        if type(width) is not int or width != tree.args[0]:
            return "a tree of other features than its estimator's"
    return None


def _members(value: object) -> Iterator[Instance]:
    if isinstance(value, Array):
        value = list(value.values.ravel(order="K"))
    for item in value if isinstance(value, list | tuple) else ():
        if isinstance(item, Instance):
            yield item
        elif isinstance(item, list | tuple):
            yield from _members(item)


def _width(member: Instance) -> object:
    return member.state.get("n_features_in_") if isinstance(member.state, dict) else None


def _ensemble(cls: type, state: State) -> str | None:
    """Check the trees of forests and boosted ensembles, and the subsets of bagged ones."""
    members = list(_members(state["estimators_"]))
    modules = {base.__module__ for base in cls.__mro__}
    if modules & {"sklearn.ensemble._forest", "sklearn.ensemble._gb"}:
        for member in members:
            if not member.cls.__module__.startswith("sklearn.tree.") or not isinstance(
                member.state, dict
            ):
                return "a member that is no tree"
            if "tree_" not in member.state or _width(member) != _features(state):
                return "a tree of other features than its ensemble's"
    if "sklearn.ensemble._gb" in modules:
        return _boosted(state, members)
    if "estimators_features_" in state:
        return _subsets(state, members)
    return None


def _boosted(state: State, members: list[Instance]) -> str | None:
    stages, outputs = array(state["estimators_"]), state.get("n_trees_per_iteration_")
    if stages is None or stages.ndim != 2 or stages.shape[1] != outputs:
        return "boosted trees in a foreign form"
    if any(array(m.state["tree_"].state["values"]).shape[1:] != (1, 1) for m in members):  # type: ignore[index]
        return "boosted trees with foreign values"
    classes = state.get("n_classes_")
    # A loss of another number of columns makes an array that is narrower than the trees' answers.
    if not _has_loss(state.get("_loss"), classes):
        return "boosted trees with a loss of other classes than theirs"
    if classes is None:
        return None if outputs == 1 else "boosted trees in a foreign form"
    if outputs != (1 if classes == 2 else classes):
        return "boosted trees that do not fit their classes"
    first = state.get("init_")
    if outputs == 1 or not isinstance(first, Instance):
        return None
    inner = first.state if isinstance(first.state, dict) else {}
    prior = array(inner.get("class_prior_"))
    strategies = {inner.get("strategy"), inner.get("_strategy", "prior")}
    if (
        first.cls.__name__ != "DummyClassifier"
        or prior is None
        or prior.shape != (classes,)
        or inner.get("n_classes_") != classes
        or strategies != {"prior"}
    ):
        return "boosted trees that begin with a foreign estimator"
    return None


_LOSSES = {
    None: {"HalfSquaredError", "AbsoluteError", "HuberLoss", "PinballLoss"},
    2: {"HalfBinomialLoss", "ExponentialLoss"},
}


def _has_loss(loss: object, classes: object) -> bool:
    """Return whether a loss is for this number of classes; None for numbers."""
    if not isinstance(loss, Instance) or not isinstance(classes, int | np.integer | None):
        return False
    state = loss.state if isinstance(loss.state, dict) else {}
    if "is_multiclass" in state:
        return False
    known = _LOSSES.get(None if classes is None else int(classes))
    if known is None:
        return loss.cls.__name__ == "HalfMultinomialLoss" and state.get("n_classes") == classes
    return loss.cls.__name__ in known


def _subsets(state: State, members: list[Instance]) -> str | None:
    subsets, width = state["estimators_features_"], _features(state)
    if not isinstance(subsets, list | tuple) or len(subsets) != len(members):
        return "subsets of features that do not fit the members"
    for member, subset in zip(members, subsets, strict=True):
        chosen = array(subset)
        if chosen is None or chosen.ndim != 1 or chosen.dtype.kind not in "iu":
            return "subsets of features of a foreign form"
        if _width(member) not in (None, len(chosen)) or not _within(chosen, width):
            return "subsets of features that do not fit the members"
        if "_max_features" in state and len(chosen) != state["_max_features"]:
            return "subsets of features that do not fit the members"
    return None


def _vectors(cls: type, state: State) -> str | None:
    """Check the parts of a support vector machine; libsvm trusts all of their sizes."""
    fit, width = state.get("shape_fit_"), _features(state)
    support, counts = array(state.get("support_")), array(state.get("_n_support"))
    intercept = array(state.get("_intercept_"))
    sparse = state.get("_sparse")
    shapes = [_matrix(state.get(key)) for key in ("support_vectors_", "_dual_coef_")]
    if support is None or counts is None or intercept is None or None in shapes:
        return "support vectors without their parts"
    if not isinstance(fit, tuple) or len(fit) != 2 or not isinstance(sparse, bool):
        return "support vectors of a foreign form"
    vectors, dual = shapes
    classes = array(state.get("classes_"))
    groups = len(counts) if classes is not None else 2
    pairs = groups * (groups - 1) // 2
    if (classes is not None) is not (cls.__name__ in {"SVC", "NuSVC"}):
        return "support vectors that do not fit their classes"
    if classes is not None and (len(counts) != len(classes) or counts.sum() != len(support)):
        return "support vectors that do not fit their classes"
    # libsvm takes the number of counts for that of the classes. For numbers and outliers there are
    # two, which nobody writes or reads where the rows are sparse.
    if len(counts) < 2 or (classes is None and len(counts) != 2):
        return "support vectors that do not fit their counts"
    if classes is None and not sparse and (counts != len(support)).any():
        return "support vectors that do not fit their counts"
    if support.dtype != np.int32 or counts.dtype != np.int32:
        return "support vectors of foreign dtypes"
    if classes is not None and (counts < 0).any():
        return "support vectors that do not fit their counts"
    kernel = state.get("kernel") == "precomputed"
    if kernel and sparse:  # then a value of each vector is a place in the row of a request
        return "sparse support vectors of given kernels"
    if vectors != (len(support), 0 if kernel else width) and not (
        kernel and vectors is not None and vectors[0] in (0, len(support))
    ):
        return "support vectors that do not fit their features"
    if (
        dual != (groups - 1, len(support))
        or len(intercept) != pairs
        or not _within(support, fit[0])
    ):
        return "support vectors that do not fit their coefficients"
    if (kernel and width != fit[0]) or (not kernel and fit[1] != width):
        return "support vectors that do not fit their features"
    return _vector_forms(state, sparse, intercept, pairs)


def _vector_forms(state: State, sparse: bool, intercept: Any, pairs: int) -> str | None:
    for key in ("support_vectors_", "_dual_coef_"):
        if isinstance(state[key], Instance) is not sparse:
            return "support vectors of a foreign form"
        values = array(state[key].state["data"] if sparse else state[key])
        if values is None or values.dtype != np.float64 or not values.flags.c_contiguous:
            return "support vectors of foreign dtypes"
        if sparse and key == "_dual_coef_" and len(values) != math.prod(_matrix(state[key]) or ()):
            return "support vectors that do not fit their coefficients"
    for key in ("_probA", "_probB"):
        values = array(state.get(key))
        if values is None or values.dtype != np.float64 or len(values) not in (0, pairs):
            return "support vectors with foreign probabilities"
        if state.get("_effective_probability") and len(values) != pairs:
            return "support vectors with foreign probabilities"
    return None if intercept.dtype == np.float64 else "support vectors of foreign dtypes"


def _matrix(value: object) -> tuple[int, int] | None:
    if isinstance(value, Instance) and isinstance(value.state, dict):
        rows, columns = value.state["_shape"]
        return int(rows), int(columns)
    values = array(value)
    if values is None or values.ndim != 2:
        return None
    return values.shape[0], values.shape[1]


def _vocabulary(_cls: type, state: State) -> str | None:
    """Check that terms are numbered 0, 1, 2, … in some order."""
    terms = state["vocabulary_"]
    if not isinstance(terms, dict) or not all(isinstance(term, str) for term in terms):
        return "a vocabulary that is no dict of terms"
    places = list(terms.values())
    if any(isinstance(p, bool) or not isinstance(p, int | np.integer) for p in places):
        return "a vocabulary without whole numbers"
    if sorted(places) != list(range(len(places))):
        return "a vocabulary whose columns are out of range"
    return None


def _one_hot(_cls: type, state: State) -> str | None:
    """Check that each feature has room for all its categories."""
    widths, categories = state["_n_features_outs"], state.get("categories_")
    if not isinstance(widths, list) or not isinstance(categories, list):
        return "categories without widths"
    if len(widths) != len(categories) or len(widths) != _features(state):
        return "categories that do not fit their features"
    drops = array(state.get("_drop_idx_after_grouping"))
    mappings = state.get("_default_to_infrequent_mappings")
    for index, (width, known) in enumerate(zip(widths, categories, strict=True)):
        values = array(known)
        if values is None or isinstance(width, bool) or not isinstance(width, int | np.integer):
            return "categories of a foreign form"
        needed = len(values)
        mapping = array(mappings[index]) if isinstance(mappings, list) else None
        if mapping is not None:
            if mapping.shape != values.shape or not _within(mapping, needed):
                return "categories that are grouped out of range"
            needed = int(mapping.max()) + 1 if needed else 0
        if drops is not None and drops[index] is not None:
            # Counted after grouping: what is not there drops nothing, and the last has no room.
            if not 0 <= drops[index] < needed:
                return "dropped categories that are not there"
            needed -= 1
        if width != needed:
            return "categories that do not fit their columns"
    return None


def _clusters(_cls: type, state: State) -> str | None:
    centers, width = array(state["cluster_centers_"]), _features(state)
    if "_n_threads" not in state:
        return None
    if centers is None or centers.ndim != 2 or centers.shape[1] != width:
        return "clusters of other features than their estimator's"
    # Distances to all of them are counted in 32 bits, for so many rows at a time.
    if not 1 <= len(centers) < 2**31 // _ROWS_AT_A_TIME:
        return "no clusters, or too many of them"
    threads = state["_n_threads"]
    if centers.dtype.kind != "f" or type(threads) is not int or not 1 <= threads <= 1024:
        return "clusters of a foreign form"
    return None


def _neighbours(_cls: type, state: State) -> str | None:
    """Check the classes and rows that a neighbour search returns."""
    rows = _matrix(state.get("_fit_X"))
    if rows is not None and (rows[0] < 1 or state.get("n_samples_fit_", rows[0]) != rows[0]):
        return "neighbours that do not fit their rows"
    if "_y" not in state:
        return None
    answers, classes = array(state["_y"]), state.get("classes_")
    if answers is None or (rows is not None and len(answers) != rows[0]):
        return "neighbours that do not fit their answers"
    if classes is None:
        return None
    columns = [answers] if answers.ndim == 1 else list(answers.T)
    # A list of classes counts as one class where there is one answer for each row.
    are_many = answers.ndim != 1
    if state.get("outputs_2d_") is not are_many or isinstance(classes, list) is not are_many:
        return "neighbours that do not fit their classes"
    groups = classes if are_many else [classes]
    if len(groups) != len(columns) or answers.dtype.kind != "i":
        return "neighbours that do not fit their classes"
    for column, group in zip(columns, groups, strict=True):
        known = array(group)
        if known is None or not _within(column, len(known)):
            return "neighbours whose classes are out of range"
    return None


def _within(values: Any, end: object) -> bool:
    if not isinstance(end, int | np.integer) or isinstance(end, bool):
        return False
    return not len(values) or bool(values.min() >= 0 and values.max() < end)


_RULES: tuple[tuple[str, Callable[[type, State], str | None]], ...] = (
    ("tree_", _own_tree),
    ("estimators_", _ensemble),
    ("_predictors", histogram_rules.problem),
    ("bin_thresholds_", histogram_rules.mapper),
    ("_dual_coef_", _vectors),
    ("vocabulary_", _vocabulary),
    ("_n_features_outs", _one_hot),
    ("cluster_centers_", _clusters),
    ("_y", _neighbours),  # trees of neighbours are asked for rows, whose answers are then counted
    ("_fit_X", _neighbours),
    ("_n_out_full", fitted_rules.polynomials),
    ("_max_degree", fitted_rules.polynomials),
    ("n_output_features_", fitted_rules.polynomials),
    ("bsplines_", fitted_rules.splines),
    ("labels_", index_rules.feature_groups),
    ("order_", index_rules.chain),
    ("estimators_", index_rules.votes),
    ("outlier_label_", index_rules.outliers),
    ("pi_", fitted_rules.gaussian_classes),
    ("y_train_", fitted_rules.gaussian_classes),
    ("_infrequent_enabled", index_rules.infrequent),
    ("location_", distances.covariance),
    ("precision_", distances.covariance),
    ("covariance_", distances.covariance),
    ("_fit_X", fitted_rules.rows),
    ("_tree", fitted_rules.neighbour_tree),
    ("tree_", fitted_rules.neighbour_tree),
    ("categories_", fitted_rules.categories),
    ("drop_idx_", fitted_rules.drops),
    ("_drop_idx_after_grouping", fitted_rules.drops),
    ("_cached_dict", fitted_rules.labels),
    ("_bisecting_tree", fitted_rules.bisections),
    ("coef_", fitted_rules.linear_classes),
    ("init_", fitted_rules.beginnings),
    ("label_binarizer_", fitted_rules.one_against_rest),
    ("root_", cf_trees.problem),
    ("dummy_leaf_", cf_trees.problem),
    ("subcluster_centers_", cf_trees.problem),
    ("encodings_", part_rules.encodings),
    ("transformer_weights", part_rules.weights),
    ("scorer_", part_rules.scorers),
    ("_kwargs", part_rules.scorer),
    ("metric_params", distances.arguments),
    ("_metric_params", distances.arguments),
    ("effective_metric_params_", distances.arguments),
    ("metric", distances.names),
    ("_fit_method", distances.unasked),
    ("effective_metric_", distances.names),
)
