"""Checks what an estimator passes to a distance beside the data.

scikit-learn's compiled distances read as many weights as there are features, without looking how
many there are; precomputed norms of the data are read in the same way.
"""

from __future__ import annotations

import importlib
import math
from typing import Any, TypeGuard

import numpy as np

from registry.model_files.nodes import array
from registry.model_files.plain import describe

State = dict[str, Any]
_METRIC_OF = {
    "metric_params": "metric",
    "_metric_params": "metric",
    "effective_metric_params_": "effective_metric_",
}
_HAVERSINE_FEATURES = 2
_EUCLIDEAN = 2
_GRAPHS = frozenset({"KNeighborsTransformer", "RadiusNeighborsTransformer"})
_COVARIANCE = ("sklearn.covariance._empirical_covariance", "EmpiricalCovariance")


def arguments(_cls: type, state: State) -> str | None:
    """Check that each distance gets only arguments of its own, as large as the data are wide."""
    width = state.get("n_features_in_")
    for name, metric in _METRIC_OF.items():
        value = state.get(name)
        if value is None:
            continue
        if not isinstance(value, dict):
            return f"{describe(value)} where the arguments of a distance belong"
        for key, item in value.items():
            problem = _problem(str(state.get(metric)), key, item, width)
            if problem is not None:
                return problem
    return None


def covariance(cls: type, state: State) -> str | None:
    """Check the center and the matrices of a covariance: `mahalanobis` reads them unasked.

    Which of both matrices it reads is a parameter (`store_precision`), so both are held.
    """
    bases = {(base.__module__, base.__name__) for base in cls.__mro__}
    if _COVARIANCE not in bases:
        return None
    width = state.get("n_features_in_")
    if type(width) is not int or not _is_float(state.get("location_"), (width,)):
        return "a covariance without its center"
    for name in ("covariance_", "precision_"):
        given = state.get(name)
        absent = given is None and name == "precision_" and state.get("store_precision") is False
        if not absent and not _is_float(given, (width, width)):
            return "a covariance of other features than its estimator's"
    return None


def _is_float(value: object, shape: tuple[int, ...]) -> bool:
    values = array(value)
    return values is not None and values.dtype.kind == "f" and values.shape == shape


def names(_cls: type, state: State) -> str | None:
    """Check that a distance between places on a globe is asked of two features."""
    for name in _METRIC_OF.values():
        metric, width = state.get(name), state.get("n_features_in_")
        if name == "effective_metric_" and not isinstance(metric, str | None):
            return f"{describe(metric)} where the name of a distance belongs"
        if (metric == "precomputed") and not _is_precomputed(state):
            return "distances that were computed beforehand, for an estimator that computes them"
        if metric == "haversine" and width not in (None, _HAVERSINE_FEATURES):
            return "a distance between places of other than two features"
    return None


def unasked(cls: type, state: State) -> str | None:
    """Check that a request's width is compared with the data's before its rows are read.

    scikit-learn does not for one class and most distances, nor for sparse distances that were
    computed beforehand.
    """
    metric = state.get("metric")
    if cls.__name__ in _GRAPHS and metric == "precomputed":
        return "a graph of distances that were computed beforehand, whose width nobody compares"
    if cls.__name__ != "RadiusNeighborsClassifier" or state["_fit_method"] != "brute":
        return None
    is_euclidean = metric == "minkowski" and state.get("p") == _EUCLIDEAN
    if state.get("weights") != "uniform" or state.get("outputs_2d_") is True or is_euclidean:
        return None
    dispatcher: Any = importlib.import_module("sklearn.metrics._pairwise_distances_reduction")
    if metric in dispatcher.RadiusNeighborsClassMode.valid_metrics():
        return "neighbours in a radius of a request whose width nobody compares"
    return None


def _is_precomputed(state: State) -> bool:
    """Return whether an estimator takes distances for its data, in all that it says of them.

    scikit-learn does not look how wide the data of a request are where `metric` says so, and
    computes distances all the same where `effective_metric_` does not.
    """
    said = [state[name] for name in _METRIC_OF.values() if state.get(name) is not None]
    if not all(isinstance(name, str) and name == "precomputed" for name in said):
        return False
    fitted = array(state.get("_fit_X"))
    return fitted is None or (fitted.ndim == 2 and fitted.shape[0] == fitted.shape[1])


def _problem(metric: str, key: object, value: object, width: object) -> str | None:
    fits = False
    match key:
        case "p":
            fits = _is_number(value) and value > 0 and not math.isnan(value)
        case "missing_values":
            fits = _is_number(value)
        case "w":
            fits = value is None or _has_shape(value, 1, width)
        case "V" if metric == "seuclidean":
            fits = _has_shape(value, 1, width)
        case "V" | "VI" if metric == "mahalanobis":
            fits = _has_shape(value, 2, width)
    if fits:
        return None
    return f"the argument {str(key)[:40]!r} of a distance, which does not fit it"


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _has_shape(value: object, dimensions: int, width: object) -> bool:
    """Return whether numbers fill a line or a square as wide as the data.

    An estimator that was never fitted has no width yet, and predicts nothing.
    """
    if isinstance(value, list | tuple):
        if not all(map(_is_number, value)):
            return False
        values = np.asarray(value, dtype=np.float64)
    else:
        values = array(value)
    if values is None or values.dtype.kind not in "fiu" or values.ndim != dimensions:
        return False
    return len(set(values.shape)) == 1 and width in (None, values.shape[0])
