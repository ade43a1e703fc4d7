"""Checks the tree that Birch keeps for further fitting, with leaves linked in both directions.

No prediction reads it, so that it is not written again; it is judged all the same. Nothing here
recurses: the chain of leaves is as long as the data asks for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from registry.model_files.families import Family, family
from registry.model_files.nodes import Instance, array

SET_ASIDE = frozenset({"root_", "dummy_leaf_"})
_NODE = {
    "threshold", "branching_factor", "is_leaf", "n_features", "subclusters_", "init_centroids_",
    "init_sq_norm_", "squared_norm_", "centroids_", "prev_leaf_", "next_leaf_",
}  # fmt: skip
_SUBCLUSTER = {
    "n_samples_", "linear_sum_", "squared_sum_", "centroid_", "sq_norm_", "child_",
}  # fmt: skip
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
_FOREIGN = "a tree of clusters of a foreign form"
_LINKS = "a tree of clusters whose leaves are not linked as they lie"

State = dict[str, Any]


def is_birch(cls: type) -> bool:
    """Return whether a class keeps such a tree."""
    return (cls.__module__, cls.__name__) == ("sklearn.cluster._birch", "Birch")


def problem(cls: type, state: State) -> str | None:
    """Return why the clusters of a Birch do not fit each other, or None if they do."""
    if not is_birch(cls):
        return None
    width, centers = state.get("n_features_in_"), array(state.get("subcluster_centers_"))
    if type(width) is not int or centers is None or centers.ndim != 2:
        return "clusters without centers"
    if centers.dtype not in _FLOATS or centers.shape[1] != width:
        return "clusters of other features than their estimator's"
    # What looks for the nearest center trusts that there are as many lengths.
    norms, labels = (array(state.get(key)) for key in ("_subcluster_norms", "subcluster_labels_"))
    if norms is None or norms.shape != centers.shape[:1] or norms.dtype not in _FLOATS:
        return "clusters without lengths"
    if labels is None or labels.shape != centers.shape[:1] or labels.dtype.kind not in "iu":
        return "clusters without labels"
    return _tree_problem(state.get("root_"), state.get("dummy_leaf_"), width, len(centers))


def _tree_problem(root: object, dummy: object, width: int, count: int) -> str | None:
    seen: set[int] = set()
    leaves: set[int] = set()
    clusters = 0
    waiting = [root]
    while waiting:
        state = _state(waiting.pop(), Family.CF_NODE, _NODE)
        # A node that is met again is held twice, or holds itself.
        if state is None or id(state) in seen or not _fits(state, width):
            return _FOREIGN
        seen.add(id(state))
        if state["is_leaf"]:
            leaves.add(id(state))
            clusters += len(state["subclusters_"])
        for part in state["subclusters_"]:
            inner = _state(part, Family.CF_SUBCLUSTER, _SUBCLUSTER)
            if inner is None or id(inner) in seen or not _is_summary(inner, width):
                return _FOREIGN
            seen.add(id(inner))
            if (inner["child_"] is None) is not state["is_leaf"]:
                return _FOREIGN
            if inner["child_"] is not None:
                waiting.append(inner["child_"])
    if clusters != count:
        return "a tree of clusters that does not fit their centers"
    return None if _linked(dummy, width) == leaves else _LINKS


def _linked(dummy: object, width: int) -> set[int] | None:
    """Return the leaves in the chain that starts at its own head node; None for a broken chain."""
    state = _state(dummy, Family.CF_NODE, _NODE - {"centroids_"})
    if state is None or state.get("prev_leaf_") is not None or not _is_empty(state, width):
        return None
    found: set[int] = set()
    before, leaf = dummy, state["next_leaf_"]
    while leaf is not None:
        state = _state(leaf, Family.CF_NODE, _NODE)
        if state is None or id(state) in found or state["prev_leaf_"] is not before:
            return None
        found.add(id(state))
        before, leaf = leaf, state["next_leaf_"]
    return found


def _state(node: object, kind: Family, names: set[str]) -> State | None:
    if not isinstance(node, Instance) or family(node.cls) is not kind or node.args:
        return None
    return node.state if isinstance(node.state, dict) and set(node.state) == names else None


def _fits(state: State, width: int) -> bool:
    """Return whether a node's arrays have room for its clusters, and links stand at leaves."""
    parts, leaf = state["subclusters_"], state["is_leaf"]
    if not isinstance(parts, list) or not isinstance(leaf, bool) or not _has_room(state, width):
        return False
    room = int(state["branching_factor"]) + 1
    links = (state["prev_leaf_"], state["next_leaf_"])
    return (
        1 <= len(parts) <= room
        and (leaf or links == (None, None))
        and _is_floats(state["centroids_"], (len(parts), width))
        and _is_floats(state["squared_norm_"], (len(parts),))
    )


def _is_empty(state: State, width: int) -> bool:
    return state["subclusters_"] == [] and state["squared_norm_"] == [] and _has_room(state, width)


def _has_room(state: State, width: int) -> bool:
    room = state["branching_factor"]
    return (
        isinstance(room, int | np.integer)
        and isinstance(state["threshold"], int | float | np.number)
        and type(state["n_features"]) is int
        and state["n_features"] == width
        and _is_floats(state["init_centroids_"], (int(room) + 1, width))
        and _is_floats(state["init_sq_norm_"], (int(room) + 1,))
    )


def _is_summary(state: State, width: int) -> bool:
    count = state["n_samples_"]
    return (
        isinstance(count, int | np.integer)
        and int(count) >= 1
        and all(_is_floats(state[key], (width,)) for key in ("linear_sum_", "centroid_"))
        and all(_is_number(state[key]) for key in ("squared_sum_", "sq_norm_"))
    )


def _is_number(value: object) -> bool:
    return isinstance(value, float | np.floating)


def _is_floats(value: object, shape: tuple[int, ...]) -> bool:
    values = array(value)
    return values is not None and values.shape == shape and values.dtype in _FLOATS


def without(state: State) -> State:
    """Return the state of a Birch without its tree."""
    return {key: value for key, value in state.items() if key not in SET_ASIDE}
