"""Checks boosted histogram trees, whose compiled code trusts the width of the rows that it gets.

The estimator itself never compares that width: with categories, the rows come from an estimator of
its own, which must be exactly the one that `fit` makes.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from sklearn.utils import check_array

from registry.model_files.nodes import Array, Instance, array

State = dict[str, Any]

_OUTPUT = {"transform": "default"}
_COLUMNS = {
    "remainder": "drop",
    "transformer_weights": None,
    "sparse_output_": False,
    "_sklearn_output_config": _OUTPUT,
}
_ENCODER = {
    "categories": "auto",
    "handle_unknown": "use_encoded_value",
    "min_frequency": None,
    "max_categories": None,
    "dtype": np.float64,
    "_infrequent_enabled": False,
    "_sklearn_output_config": _OUTPUT,
}
_NUMBERS = {
    "inverse_func": None,
    "validate": False,
    "kw_args": None,
    "_sklearn_output_config": _OUTPUT,
}
_CHECK = {"dtype": [np.float64], "ensure_all_finite": False}
"""Arguments of `check_array`, which hands numbers on as they are."""


def problem(cls: type, state: State) -> str | None:
    """Return why histogram trees do not fit their estimator, or None if they do."""
    mapper, width = state.get("_bin_mapper"), state.get("n_features_in_")
    if type(width) is not int or not isinstance(mapper, Instance):
        return "histogram trees without a bin mapper"
    if not isinstance(mapper.state, dict):
        return "histogram trees without a bin mapper"
    is_categorical = array(mapper.state.get("is_categorical_"))
    thresholds = mapper.state.get("bin_thresholds_")
    if is_categorical is None or is_categorical.shape != (width,):
        return "histogram trees of other features than their estimator's"
    if is_categorical.dtype.kind not in "bu" or not _within(is_categorical, 2):
        return "histogram trees of features that are neither numbers nor categories"
    if not isinstance(thresholds, list) or len(thresholds) != width:
        return "histogram trees of other features than their estimator's"
    for index in np.flatnonzero(is_categorical):
        known = array(thresholds[index])
        if known is None or known.dtype.kind not in "fiu" or not _within(known, 256):
            return "categories out of range"
    return (
        _outputs(cls, state["_predictors"], state.get("n_trees_per_iteration_"))
        or _trees(state["_predictors"], is_categorical.astype(bool))
        or _preprocessor(state.get("_preprocessor"), width)
    )


def mapper(_cls: type, state: State) -> str | None:
    """Check that what sorts numbers into bins knows each feature; it may stand for itself."""
    thresholds, kinds = state["bin_thresholds_"], array(state.get("is_categorical_"))
    counts = array(state.get("n_bins_non_missing_"))
    if kinds is None or counts is None or not isinstance(thresholds, list):
        return "bins of a foreign form"
    if not kinds.shape == counts.shape == (len(thresholds),):
        return "bins of other features than their mapper's"
    return None


def _outputs(cls: type, iterations: object, outputs: object) -> str | None:
    """Check that there is a tree for each output, so that each row has an answer."""
    if not isinstance(outputs, int | np.integer) or outputs < 1 or not isinstance(iterations, list):
        return "histogram trees of a foreign form"
    if cls.__name__.endswith("Regressor") and outputs != 1:
        return "histogram trees that do not fit their outputs"
    if any(not isinstance(trees, list) or len(trees) != outputs for trees in iterations):
        return "histogram trees that do not fit their outputs"
    return None


def _trees(iterations: Any, is_categorical: Any) -> str | None:
    for iteration in iterations:
        for member in iteration:
            nodes = array(member.state["nodes"]) if isinstance(member, Instance) else None  # type: ignore[index]
            if nodes is None:
                return "histogram trees of a foreign form"
            inner = nodes["is_leaf"] == 0
            by_category = inner & (nodes["is_categorical"] != 0)
            if not _within(nodes["feature_idx"][inner], len(is_categorical)):
                return "a histogram tree that reads a feature out of range"
            if not is_categorical[nodes["feature_idx"][by_category]].all():
                return "a histogram tree whose categories are no categories"
    return None


def _preprocessor(node: object, width: int) -> str | None:
    """Check that the rows that the trees read have one column for each feature."""
    foreign = "histogram trees behind a foreign preprocessor"
    if node is None:
        return None
    state = _state(node, "ColumnTransformer")
    if not _has(state, _COLUMNS) or state.get("n_features_in_") != width:
        return foreign
    match state.get("transformers_"):
        case [
            ("encoder", Instance() as encoder, Array(values=chosen)),
            ("numerical", Instance() as numbers, Array(values=others)),
            *dropped,
        ] if all(isinstance(step, tuple) and step[1:2] == ("drop",) for step in dropped):
            is_whole = (
                chosen.dtype == others.dtype == np.dtype(bool)
                and chosen.shape == (width,)
                and np.array_equal(chosen, ~others)
            )
            if is_whole and _is_encoder(encoder, int(chosen.sum())) and _is_check(numbers):
                return None
    return foreign


def _is_encoder(node: Instance, width: int) -> bool:
    state = _state(node, "OrdinalEncoder")
    known = state.get("categories_")
    return (
        _has(state, _ENCODER)
        and state.get("n_features_in_") == width
        and isinstance(known, list)
        and len(known) == width
        and all(_is_nan(state.get(name)) for name in ("unknown_value", "encoded_missing_value"))
    )


def _is_check(node: Instance) -> bool:
    state = _state(node, "FunctionTransformer")
    function = state.get("func")
    if not _has(state, _NUMBERS) or not isinstance(function, Instance):
        return False
    made = (check_array, (), _CHECK, None)
    return function.cls is functools.partial and _plain(function.state) == made


def _plain(state: object) -> object:
    """Return the state of a partial function with an empty dict of attributes as None."""
    return (*state[:3], state[3] or None) if isinstance(state, tuple) and len(state) == 4 else state


def _state(node: object, name: str) -> State:
    is_one = isinstance(node, Instance) and node.cls.__name__ == name
    return node.state if is_one and isinstance(node.state, dict) else {}  # type: ignore[attr-defined]


def _has(state: State, expected: State) -> bool:
    missing = object()
    return all(
        type(found := state.get(name, missing)) is type(value) and found == value
        for name, value in expected.items()
    )


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and value != value


def _within(values: Any, end: int) -> bool:
    return not len(values) or bool(values.min() >= 0 and values.max() < end)
