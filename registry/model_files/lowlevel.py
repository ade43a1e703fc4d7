"""Checks objects whose compiled code trusts the numbers in them: every index must be in range.

scikit-learn's trees, neighbour trees and histogram trees follow stored indices without looking. A
forged index reads or writes foreign memory. Each function returns why a node is refused, or None.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from registry.model_files.families import Family, family
from registry.model_files.nodes import Array, Instance, array

_SPARSE_STATE = {
    "_shape", "maxprint", "data", "indices", "indptr", "_has_canonical_format",
    "_has_sorted_indices", "has_canonical_format", "has_sorted_indices",
}  # fmt: skip
_SPLINE_STATE = {"_t", "_c", "k", "extrapolate", "axis", "_asarray"}
_MAX_DEGREE = 50


def sparse_problem(node: Instance) -> str | None:
    """Check a compressed sparse matrix: indices in range, pointers in order."""
    state = node.state
    if not isinstance(state, dict) or set(state) - _SPARSE_STATE:
        return "a sparse matrix with a foreign state"
    shape = state.get("_shape")
    data, indices, pointers = (array(state.get(key)) for key in ("data", "indices", "indptr"))
    if (
        not isinstance(shape, tuple)
        or not _sizes(shape, 2)
        or any(a is None or a.ndim != 1 for a in (data, indices, pointers))
    ):
        return "a sparse matrix without shape or data"
    rows, columns = shape
    if node.cls.__name__.startswith("csc"):
        rows, columns = columns, rows
    if data.dtype.kind not in "biufc" or any(
        a.dtype not in (np.int32, np.int64) or a.dtype != pointers.dtype
        for a in (indices, pointers)
    ):
        return "a sparse matrix of foreign dtypes"
    if len(pointers) != rows + 1 or pointers[0] != 0 or (np.diff(pointers) < 0).any():
        return "a sparse matrix whose pointers are out of order"
    if not len(data) == len(indices) == pointers[-1] or not _within(indices, columns):
        return "a sparse matrix whose indices are out of range"
    return None


def tree_problem(node: Instance) -> str | None:
    """Check a decision tree: children behind their parent, features and values in range."""
    state = node.state
    if not isinstance(state, dict) or set(state) != {"max_depth", "node_count", "nodes", "values"}:
        return "a tree with a foreign state"
    if len(node.args) != 3:
        return "a tree with foreign arguments"
    n_features, classes, n_outputs = node.args[0], array(node.args[1]), node.args[2]
    nodes, values = array(state["nodes"]), array(state["values"])
    if nodes is None or values is None or classes is None:
        return "a tree without nodes"
    if not _count(n_features) or not _count(n_outputs) or classes.dtype.kind != "i":
        return "a tree with foreign arguments"
    if classes.shape != (n_outputs,) or (classes < 1).any():
        return "a tree with foreign classes"
    count = len(nodes) if nodes.ndim == 1 else 0
    names = nodes.dtype.names or ()
    if count < 1 or state["node_count"] != count or "left_child" not in names:
        return "a tree whose nodes are no nodes"
    if values.shape != (count, n_outputs, classes.max()) or values.dtype != np.float64:
        return "a tree whose values do not fit its nodes"
    if type(state["max_depth"]) is not int or not 0 <= state["max_depth"] < count + 1:
        return "a tree of a foreign depth"
    left, right = nodes["left_child"], nodes["right_child"]
    inner = left != -1
    if (right[~inner] != -1).any() or not _children(left[inner], right[inner], inner, count):
        return "a tree whose children are out of range or in a cycle"
    if not _within(nodes["feature"][inner], n_features):
        return "a tree that reads a feature out of range"
    if _is_deeper(left, right, inner, state["max_depth"]):
        return "a tree that is deeper than it says"
    return None


def _is_deeper(left: Any, right: Any, inner: Any, depth: int) -> bool:
    """Return whether a path from the root has more inner nodes than `depth`."""
    level = np.zeros(1, dtype=np.int64)
    for _ in range(depth + 1):
        level = level[inner[level]]
        if not len(level):
            return False
        level = np.concatenate([left[level], right[level]])
    return True


def predictor_problem(node: Instance) -> str | None:
    """Check a histogram tree; its features are checked with the estimator that holds it."""
    state = node.state
    expected = {"nodes", "binned_left_cat_bitsets", "raw_left_cat_bitsets"}
    if not isinstance(state, dict) or set(state) != expected:
        return "a histogram tree with a foreign state"
    nodes = array(state["nodes"])
    if nodes is None or nodes.ndim != 1 or "bitset_idx" not in (nodes.dtype.names or ()):
        return "a histogram tree without nodes"
    inner = nodes["is_leaf"] == 0
    left, right = nodes["left"][inner].astype(np.int64), nodes["right"][inner].astype(np.int64)
    if len(nodes) < 1 or not _children(left, right, inner, len(nodes)):
        return "a histogram tree whose children are out of range or in a cycle"
    for key in ("binned_left_cat_bitsets", "raw_left_cat_bitsets"):
        bits = array(state[key])
        if bits is None or bits.dtype != np.uint32 or bits.shape[1:] != (8,):
            return "a histogram tree with foreign categories"
        used = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
        if not _within(used, len(bits)):
            return "a histogram tree whose categories are out of range"
    return None


def neighbours_problem(node: Instance) -> str | None:
    """Check a k-d or ball tree: a permutation of its rows, and ranges that nest."""
    state = node.state
    if node.args or not isinstance(state, tuple) or len(state) != 13:
        return "a neighbour tree with a foreign state"
    data, index, nodes, bounds = (array(value) for value in state[:4])
    width = np.float32 if node.cls.__name__.endswith("32") else np.float64
    if any(a is None for a in (data, index, nodes, bounds)) or data.ndim != 2 or data.size == 0:
        return "a neighbour tree without data"
    if data.dtype != width or bounds.dtype != width or bounds.ndim != 3 or index.dtype != np.int64:
        return "a neighbour tree of foreign dtypes"
    rows, features = data.shape
    if index.shape != (rows,) or not np.array_equal(np.sort(index), np.arange(rows)):
        return "a neighbour tree whose rows are out of range"
    if any(type(v) is not int or not 0 <= v < 2**31 for v in state[4:11]):
        return "a neighbour tree with foreign counts"
    leaf_size, levels, count = state[4:7]
    expected = int(np.log2(max(1, (rows - 1) / max(leaf_size, 1))) + 1)
    if leaf_size < 1 or levels != expected or count != 2**levels - 1:
        return "a neighbour tree with foreign counts"
    sides = 2 if "KD" in node.cls.__name__ else 1
    if nodes.shape != (count,) or bounds.shape != (sides, count, features):
        return "a neighbour tree whose nodes do not fit its data"
    if not _nested(nodes, rows):
        return "a neighbour tree whose nodes are out of range"
    metric, weights = state[11], array(state[12])
    if (weights is None and state[12] is not None) or (
        weights is not None and (weights.shape != (rows,) or weights.dtype.kind != "f")
    ):
        return "a neighbour tree with foreign weights"
    if not isinstance(metric, Instance) or family(metric.cls) is not Family.METRIC:
        return "a neighbour tree without a distance metric"
    return metric_problem(metric, features)


def _nested(nodes: Any, rows: int) -> bool:
    """Return whether each node's range of rows lies inside its parent's."""
    if nodes.dtype.names is None or "idx_start" not in nodes.dtype.names:
        return False
    start, end, leaf = nodes["idx_start"], nodes["idx_end"], nodes["is_leaf"] != 0
    if (start < 0).any() or (end > rows).any() or start[0] != 0 or end[0] != rows:
        return False
    inner = np.flatnonzero(~leaf)
    if not _within(2 * inner + 2, len(nodes)):
        return False
    if len(inner) and (start[inner] > end[inner]).any():
        return False
    return all(
        (start[child] >= start[inner]).all() and (end[child] <= end[inner]).all()
        for child in (2 * inner + 1, 2 * inner + 2)
    )


def metric_problem(node: Instance, features: int | None = None) -> str | None:
    """Check a distance metric: numbers alone, as many as there are features."""
    state = node.state
    if node.args or not isinstance(state, tuple) or len(state) != 3:
        return "a distance metric with a foreign state"
    power, vector, matrix = state[0], array(state[1]), array(state[2])
    if not isinstance(power, float) or vector is None or matrix is None:
        return "a distance metric with a foreign state"
    if vector.dtype != np.float64 or vector.ndim != 1 or matrix.dtype != np.float64:
        return "a distance metric of foreign dtypes"
    if matrix.ndim != 2 or not vector.flags.c_contiguous or not matrix.flags.c_contiguous:
        return "a distance metric of a foreign form"
    name = node.cls.__name__
    weighted = name.startswith("SEuclidean") or (name.startswith("Minkowski") and len(vector))
    if weighted and len(vector) != features:
        return "a distance metric that does not fit its data"
    if name.startswith("Mahalanobis") and matrix.shape != (features, features):
        return "a distance metric that does not fit its data"
    if name.startswith("Haversine") and features != 2:
        return "a distance metric that does not fit its data"
    return None


def spline_problem(node: Instance) -> str | None:
    """Check a spline: ordered knots, as many as degree and coefficients ask for."""
    state = node.state
    if node.args or not isinstance(state, dict) or set(state) != _SPLINE_STATE:
        return "a spline with a foreign state"
    knots, coefficients, degree = array(state["_t"]), array(state["_c"]), state["k"]
    if knots is None or coefficients is None or type(degree) is not int:
        return "a spline with a foreign state"
    if state["axis"] != 0 or type(state["axis"]) is not int:
        return "a spline with a foreign axis"
    if not isinstance(state["extrapolate"], bool) and state["extrapolate"] != "periodic":
        return "a spline with a foreign extrapolation"
    if knots.dtype != np.float64 or knots.ndim != 1 or coefficients.dtype != np.float64:
        return "a spline of foreign dtypes"
    if not 0 <= degree <= _MAX_DEGREE or coefficients.ndim not in (1, 2):
        return "a spline of a foreign degree"
    if len(knots) != len(coefficients) + degree + 1 or len(coefficients) < degree + 1:
        return "a spline whose knots do not fit its coefficients"
    if not np.isfinite(knots).all() or (np.diff(knots) < 0).any():
        return "a spline whose knots are out of order"
    return None


def loss_part_problem(node: Instance) -> str | None:
    """Check a link, an interval or a compiled loss: a few numbers."""
    if any(not isinstance(v, int | float) for v in node.args) or len(node.args) > 2:
        return f"a {node.cls.__name__} with foreign arguments"
    state = node.state
    if state is None or state == () or state == {}:
        return None
    if not isinstance(state, dict) or node.args:
        return f"a {node.cls.__name__} with a foreign state"
    fields = {"low", "high", "low_inclusive", "high_inclusive", "interval_y_pred", "alpha"}
    for key, value in state.items():
        nested = isinstance(value, Instance) and value.cls.__name__ == "Interval"
        if key not in fields or not (nested or isinstance(value, int | float | np.number)):
            return f"a {node.cls.__name__} with a foreign state"
        if nested and value is not node:
            problem = loss_part_problem(value)
            if problem is not None:
                return problem
    return None


def random_problem(node: Instance) -> str | None:
    """Check a random state or generator: its numbers, and a position inside its buffer."""
    state = bits_state(node)
    if not isinstance(state, dict) or not isinstance(state.get("state"), dict):
        return "a random state without numbers"
    inner = state["state"]
    extra = {k: v for k, v in state.items() if k not in {"bit_generator", "state"}}
    if set(extra) - {"has_gauss", "gauss", "has_uint32", "uinteger"} or any(
        not isinstance(v, int | float) or abs(v) >= 2**32 for v in extra.values()
    ):
        return "a random state of a foreign form"
    match state.get("bit_generator"), inner:
        case "MT19937", {"key": Array(values=key), "pos": int(position), **rest}:
            fits = key is not None and key.shape == (624,) and key.dtype == np.uint32
            if fits and 0 <= position <= 624 and not rest:
                return None
        case "PCG64", {"state": int(number), "inc": int(step), **rest}:
            if 0 <= number < 2**128 and 0 <= step < 2**128 and not rest:
                return None
    return "a random state of a foreign form"


def bits_state(node: Instance) -> object:
    """Return the numbers of a random state, wherever its constructor keeps them."""
    state = node.state
    if state is None and node.args and isinstance(node.args[0], Instance):
        state = node.args[0].state
        if isinstance(state, tuple) and state:
            state = state[0]
    return state


def _sizes(shape: object, length: int) -> bool:
    return (
        isinstance(shape, tuple)
        and len(shape) == length
        and all(isinstance(v, int | np.integer) and 0 <= v < 2**62 for v in shape)
    )


def _count(value: object) -> bool:
    return type(value) is int and 0 < value < 2**31


def _within(values: Any, end: object) -> bool:
    return not len(values) or bool(values.min() >= 0 and values.max() < end)


def _children(left: Any, right: Any, inner: Any, count: int) -> bool:
    """Return whether every node but the first is the child of exactly one earlier node."""
    both = np.concatenate([left, right])
    parents = np.flatnonzero(inner)
    if not _within(both, count) or len(both) != count - 1 or len(np.unique(both)) != len(both):
        return False
    return bool((left > parents).all() and (right > parents).all())
