"""Checks the sizes that fitted estimators trust, in unfilled arrays and compiled loops.

Each rule is handed a class and the attributes of one object, and says why they do not fit.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np

from registry.model_files import calls
from registry.model_files.families import Family, family
from registry.model_files.nodes import Instance, array

State = dict[str, Any]
_MAX_DEGREE = 1_000
_MAX_COLUMNS = 2**31


def polynomials(cls: type, state: State) -> str | None:
    """Check that the columns match degree and features: `np.empty` allocates them."""
    width, low, high = (state.get(key) for key in ("n_features_in_", "_min_degree", "_max_degree"))
    degree = state.get("degree")
    expected = degree if isinstance(degree, tuple) else (0, degree)
    sizes = (width, low, high, *expected)
    if len(sizes) != 5 or any(type(v) is not int or not 0 <= v < _MAX_COLUMNS for v in sizes):
        return "polynomials of a foreign degree"
    if (low, high) != expected or high > _MAX_DEGREE or not low <= high:  # type: ignore[operator]
        return "polynomials of a foreign degree"
    count: Any = cls._num_combinations  # type: ignore[attr-defined]
    options = {"n_features": width, "max_degree": high}
    for key in ("interaction_only", "include_bias"):
        if not isinstance(state.get(key), bool | np.bool_):
            return "polynomials of a foreign form"
        options[key] = state[key]
    if _may_count_below_zero(state):
        return (
            "products alone of rows that may be sparse and unordered, whose columns are then below"
            " zero (let the degrees begin with 1)"
        )
    if state.get("_n_out_full") != count(min_degree=0, **options):
        return "polynomials that do not fit their columns"
    if state.get("n_output_features_") != count(min_degree=low, **options):
        return "polynomials that do not fit their columns"
    return None


def _may_count_below_zero(state: State) -> bool:
    """Return whether products of unordered rows are the first columns.

    scikit-learn counts the columns of products of different features in sparse rows as if the
    features were in order, and is then up to the number of features too low.
    """
    low, high = state["_min_degree"], state["_max_degree"]
    before = low < 2 or (low == 2 and state["include_bias"])
    return bool(state["interaction_only"] and 2 <= high <= 3 and not before)


def splines(_cls: type, state: State) -> str | None:
    """Check that every feature has a spline of the same form and of the stated degree."""
    found, degree = state["bsplines_"], state.get("degree")
    if not isinstance(found, list) or len(found) != state.get("n_features_in_"):
        return "splines that do not fit their features"
    forms = set()
    for spline in found:
        parts = spline.state if isinstance(spline, Instance) else None
        if not isinstance(parts, dict):
            return "splines of a foreign form"
        values = array(parts.get("_c"))
        if values is None or values.ndim != 2 or parts["k"] != degree:
            return "splines of another degree than their estimator's"
        forms.add((values.shape, parts["extrapolate"]))
    return None if len(forms) <= 1 else "splines of different forms"


def rows(_cls: type, state: State) -> str | None:
    """Check that the rows searched for neighbours have as many columns as the estimator says."""
    width = state.get("n_features_in_")
    found = _shape(state.get("_fit_X"))
    if found is not None and (len(found) != 2 or found[1] != width or type(width) is not int):
        return "neighbours of other features than their estimator's"
    mask = state.get("_mask_fit_X")
    if mask is not None and _shape(mask) != found:
        return "neighbours whose holes do not fit them"
    return None


def neighbour_tree(_cls: type, state: State) -> str | None:
    """Check that a neighbour tree has as many features as its estimator."""
    for key in ("_tree", "tree_"):
        node = state.get(key)
        if not isinstance(node, Instance) or family(node.cls) is not Family.BINARY_TREE:
            continue
        data = array(node.state[0]) if isinstance(node.state, tuple) else None
        if data is None or data.shape[1] != state.get("n_features_in_"):
            return "a neighbour tree of other features than its estimator's"
        if data.shape[0] != state.get("n_samples_fit_", data.shape[0]):
            return "a neighbour tree of other rows than its estimator's"
    return None


def categories(_cls: type, state: State) -> str | None:
    """Check that numeric categories are sorted and unique: they are found by binary search."""
    known = state["categories_"]
    for item in known if isinstance(known, list) else ():
        values = array(item)
        if values is None or values.ndim != 1:
            return "categories of a foreign form"
        if values.dtype.kind in "OUS":
            continue
        if values.dtype.kind == "f" and len(values) and np.isnan(values[-1]):
            values = values[:-1]
        if not (values[1:] > values[:-1]).all() or (values != values).any():
            return "categories out of order"
    return None


def drops(_cls: type, state: State) -> str | None:
    """Check that each dropped value is one of the categories."""
    known = state.get("categories_")
    for key in ("drop_idx_", "_drop_idx_after_grouping"):
        found = array(state.get(key))
        if found is None and state.get(key) is None:
            continue
        if found is None or not isinstance(known, list) or found.shape != (len(known),):
            return "dropped categories of a foreign form"
        for place, item in zip(found, known, strict=True):
            if place is None:
                continue
            values = array(item)
            whole = isinstance(place, int | np.integer) and not isinstance(place, bool)
            if not whole or values is None or not 0 <= place < len(values):
                return "dropped categories that are not there"
    return None


def labels(_cls: type, state: State) -> str | None:
    """Check that each label has its own column, also where they are numbered when asked."""
    known, classes = state["_cached_dict"], array(state.get("classes_"))
    if known is None:
        if "classes_" not in state:
            return None
        if classes is None or classes.ndim != 1:
            return "labels of a foreign form"
        listed = classes.tolist()
        are_all = len(frozenset(calls.hashable(listed))) == len(listed)
        return None if are_all else "labels that come twice"
    count = len(classes) if classes is not None and classes.ndim == 1 else -1
    places: list[Any] = list(known.values()) if isinstance(known, dict) else [None]
    if any(type(place) is not int for place in places) or sorted(places) != list(range(count)):
        return "labels whose columns are out of range"
    return None


def bisections(_cls: type, state: State) -> str | None:
    """Check the centers and labels of a tree of clusters; each half is used by itself."""
    centers, width = array(state.get("cluster_centers_")), state.get("n_features_in_")
    mean = array(state.get("_X_mean"))
    if centers is None or (state.get("_X_mean") is not None and mean is None):
        return "a tree of clusters without centers"
    if mean is not None and mean.shape != (width,):
        return "clusters of other features than their estimator's"
    for node in _halves(state["_bisecting_tree"]):
        center = array(node.get("center"))
        if center is None or center.shape != (width,) or center.dtype != centers.dtype:
            return "clusters of other features than their estimator's"
        inner = node.get("left") is not None
        if inner is not (node.get("right") is not None):
            return "a tree of clusters with half a branch"
        label = node.get("label", None if inner else -1)
        if not inner and not (isinstance(label, int | np.integer) and 0 <= label < len(centers)):
            return "a tree of clusters whose labels are out of range"
    return None


def _halves(root: object) -> Iterator[State]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        state = node.state if isinstance(node, Instance) else None
        if isinstance(state, dict):
            yield state
            waiting.extend(state.get(key) for key in ("left", "right"))


def linear_classes(cls: type, state: State) -> str | None:
    """Check that a linear classifier has a row of coefficients per class, one for two classes."""
    bases = {base.__name__ for base in cls.__mro__}
    classes, shape = array(state.get("classes_")), _shape(state["coef_"])
    if "LinearClassifierMixin" not in bases or (classes is None and hasattr(cls, "classes_")):
        return None
    if classes is None or classes.ndim != 1 or shape is None or len(shape) not in (1, 2):
        return "coefficients of a foreign form"
    count = 1 if len(classes) == 2 else len(classes)
    shape = (1, *shape) if len(shape) == 1 else shape  # as ridge has it for two classes
    if shape[0] != count or shape[1] != state.get("n_features_in_", shape[1]):
        return "coefficients that do not fit classes and features"
    given = state.get("intercept_", 0.0)
    beside = np.asarray(given) if isinstance(given, _NUMBER) else array(given)
    if beside is None or (beside.ndim and beside.shape not in {(count,), (1,)}):
        return "intercepts that do not fit their classes"
    return None


def one_against_rest(_cls: type, state: State) -> str | None:
    """Check that each member of a choice by marks predicts one number for each row.

    Only where there are several classes is the largest number taken instead.
    """
    binarizer = state["label_binarizer_"]
    inner = binarizer.state if isinstance(binarizer, Instance) else None
    if not isinstance(inner, dict) or inner.get("y_type_") == "multiclass":
        return None
    members = state.get("estimators_")
    for member in members if isinstance(members, list) else ():
        if isinstance(member, Instance) and not _is_binary(member):
            return "a member that does not choose between two"
    return None


def _has_no_decision(cls: type) -> bool:
    return inspect.getattr_static(cls, "decision_function", None) is None


def _is_binary(member: Instance) -> bool:
    if member.cls.__name__ == "_ConstantPredictor" or not hasattr(member.cls, "predict"):
        return True
    if family(member.cls) is Family.ESTIMATOR and _has_no_decision(member.cls):
        inner_state = member.state if isinstance(member.state, dict) else {}
        return member.cls.__module__.startswith(_ROW_BY_ROW + _ROWS_TOO) and _is_one(inner_state)
    state = member.state if isinstance(member.state, dict) else {}
    steps = state.get("steps")
    if not member.cls.__module__.startswith(_ROW_BY_ROW + _DECIDES):
        return False
    if isinstance(steps, list) and not all(map(_keeps_rows, steps[:-1])):
        return False
    inner = [state.get(key) for key in ("best_estimator_", "final_estimator_", "estimator_")]
    if isinstance(steps, list) and steps and isinstance(steps[-1], tuple):
        inner.append(steps[-1][1])
    nested = [part for part in inner if isinstance(part, Instance)]
    classes = array(state.get("classes_"))
    if classes is not None and classes.shape != (2,):
        return False
    return (classes is not None or bool(nested)) and all(map(_is_binary, nested))


def beginnings(cls: type, state: State) -> str | None:
    """Check that boosting's initial estimator predicts one number per row, as loops trust."""
    first = state["init_"]
    if not isinstance(first, Instance) or "sklearn.ensemble._gb" not in {
        base.__module__ for base in cls.__mro__
    }:
        return None
    inner = first.state if isinstance(first.state, dict) else {}
    if "classes_" in inner and not _are_classes(inner["classes_"]):
        return "boosted trees that begin with classes of a foreign form"
    # What is added to answers, or repeated, makes none of them where it is empty.
    if first.cls.__module__.startswith(_BROADCAST) and (
        any(map(_is_empty, inner.values())) or not _is_one(inner)
    ):
        return "boosted trees that begin with no answers, or with more than rows"
    if first.cls.__module__ == "sklearn.dummy":
        constant = array(inner.get("constant_")) if "constant_" in inner else None
        fits = inner.get("n_outputs_") == 1 and (constant is None or constant.shape == (1, 1))
        return None if fits else "boosted trees that begin with a foreign estimator"
    if not first.cls.__module__.startswith(_ROW_BY_ROW) or inner.get("n_outputs_", 1) != 1:
        return "boosted trees that begin with a foreign estimator"
    shape = _shape(inner.get("coef_"))
    if shape is not None and len(shape) == 2 and shape[0] != 1:
        return "boosted trees that begin with a foreign estimator"
    return None


def gaussian_classes(cls: type, state: State) -> str | None:
    """Check that a Gaussian process of two classes has one number of each kind for each row."""
    if cls.__name__ != "_BinaryGaussianProcessClassifierLaplace":
        return None
    rows = _shape(state.get("y_train_"))
    each = [_shape(state[key]) for key in ("pi_", "W_sr_") if key in state]
    whole = _shape(state["L_"]) if "L_" in state else None
    if rows is None or len(rows) != 1 or any(found != rows for found in each):
        return "a Gaussian process whose numbers do not fit its rows"
    return None if whole in (None, rows * 2) else "a Gaussian process of a foreign form"


def _are_classes(value: object) -> bool:
    shape = _shape(value)
    return shape is not None and len(shape) == 1 and shape[0] > 0


def _is_one(state: State) -> bool:
    """Return whether nothing that is added to an answer for one row makes several rows of it."""
    shape = _shape(state["coef_"]) if "coef_" in state else (1,)
    beside = state.get("intercept_", 0.0)
    values = array(beside)
    constant = state.get("constant")
    return (
        (shape is not None and (len(shape) == 1 or (len(shape) == 2 and shape[0] == 1)))
        and (isinstance(beside, _NUMBER) or (values is not None and values.size == 1))
        and (constant is None or isinstance(constant, str | _NUMBER))
        and all(
            len(_shape(state[key]) or ()) == dimensions
            for key, dimensions in _DIMENSIONS.items()
            if key in state and state[key] is not None
        )
    )


def _is_empty(value: object) -> bool:
    if isinstance(value, list | tuple):
        return not value or any(map(_is_empty, value))
    shape = _shape(value)
    return shape is not None and 0 in shape


def _keeps_rows(step: object) -> bool:
    """Return whether a step changes rows in place, so that none of them become several."""
    part = step[1] if isinstance(step, tuple) and len(step) == 2 else None
    return part == "passthrough" or (
        isinstance(part, Instance) and part.cls.__module__.startswith(_IN_PLACE)
    )


_NUMBER = int | float | np.number
_DIMENSIONS = {"class_prior_": 1, "class_log_prior_": 1, "theta_": 2, "var_": 2}
_ROWS_TOO = (
    "sklearn.neighbors._classification", "sklearn.neighbors._regression", "sklearn.calibration",
    "sklearn.svm._classes", "sklearn.dummy", "sklearn.gaussian_process._gpc",
)  # fmt: skip
_DECIDES = ("sklearn.svm.", "sklearn.pipeline", "sklearn.model_selection.")
"""Besides `_ROW_BY_ROW`, whose decision function has one number for each row, or another's."""
_IN_PLACE = (
    "sklearn.preprocessing._data", "sklearn.preprocessing._encoders", "sklearn.impute._base",
    "sklearn.feature_extraction.text",
)  # fmt: skip
_BROADCAST = ("sklearn.dummy", "sklearn.linear_model.", "sklearn.naive_bayes")
# Their answers have a row for each row; what holds other estimators may reduce or repeat rows.
_ROW_BY_ROW = (
    "sklearn.linear_model._base", "sklearn.linear_model._ridge", "sklearn.linear_model._logistic",
    "sklearn.linear_model._coordinate_descent", "sklearn.linear_model._stochastic_gradient",
    "sklearn.linear_model._bayes", "sklearn.linear_model._huber", "sklearn.linear_model._glm",
    "sklearn.tree.", "sklearn.ensemble._forest", "sklearn.ensemble._gb",
    "sklearn.ensemble._hist_gradient_boosting.", "sklearn.naive_bayes",
)  # fmt: skip


def _shape(value: object) -> tuple[int, ...] | None:
    if isinstance(value, Instance) and family(value.cls) is Family.SPARSE:
        found = value.state.get("_shape") if isinstance(value.state, dict) else None
        return tuple(int(size) for size in found) if isinstance(found, tuple) else None
    values = array(value)
    return tuple(values.shape) if values is not None else None
