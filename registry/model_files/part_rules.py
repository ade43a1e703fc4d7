"""Checks relations between an estimator and its parts: encodings, scorers, arguments."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from registry.model_files.nodes import Array, array

State = dict[str, Any]


def encodings(_cls: type, state: State) -> str | None:
    """Check that each category has its encoding, for each class of a target with several."""
    categories, classes = state.get("categories_"), array(state.get("classes_"))
    kind, lists = state.get("target_type_"), state["encodings_"]
    if kind not in {"binary", "multiclass", "continuous"} or not isinstance(categories, list):
        return "encodings of a foreign kind of target"
    if (classes is None) is not (kind == "continuous"):
        return "encodings that do not fit their classes"
    each = len(classes) if kind == "multiclass" else 1
    known = [array(values) for values in categories for _ in range(each)]
    found = [array(v) for v in lists] if isinstance(lists, list) else []
    if len(categories) != state.get("n_features_in_") or len(found) != len(known):
        return "encodings that do not fit their features"
    for values, names in zip(found, known, strict=True):
        if values is None or names is None or values.dtype != np.float64:
            return "encodings of a foreign form"
        if names.ndim != 1 or values.shape != names.shape:
            return "encodings that do not fit their categories"
    mean = state.get("target_mean_")
    shape = np.shape(mean.values if isinstance(mean, Array) else 0.0)
    if shape != ((each,) if kind == "multiclass" else ()):
        return "encodings that do not fit their mean"
    return None


def weights(_cls: type, state: State) -> str | None:
    """Check that what each part's columns are multiplied by is a number.

    An array would make other columns of them, and who reads those may not count them.
    """
    given = state["transformer_weights"]
    if given is None:
        return None
    if not isinstance(given, dict) or not all(
        isinstance(value, int | float | np.number) for value in given.values()
    ):
        return "weights of transformers that are no numbers"
    return None


def scorers(_cls: type, state: State) -> str | None:
    """Check that the metric by which a multi-metric search refits is one of its metrics."""
    known, refit = state["scorer_"], state.get("refit")
    if isinstance(known, dict) and isinstance(refit, str) and refit not in known:
        return "a metric to refit for that is none of the search's"
    return None


def scorer(_cls: type, state: State) -> str | None:
    """Check that a metric gets only arguments of its own."""
    options, metric = state["_kwargs"], state.get("_score_func")
    if not isinstance(options, dict) or (metric is not None and not callable(metric)):
        return "a metric without its arguments"
    known = inspect.signature(metric).parameters if metric is not None else {}
    for name in options:
        if name not in known or name == "n_jobs":
            return f"the argument {str(name)[:40]!r}, which its metric does not take"
    return None
