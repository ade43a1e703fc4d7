"""Checks what numpy counts by or looks up, and what names a place in an array of its own making.

`numpy.bincount` writes before its array once a value is 2**63 - 1, `scipy.sparse` takes the columns
that it is given, and `numpy.empty` keeps what was in memory where nothing is put.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from registry.model_files.families import Family, family
from registry.model_files.nodes import Array, Instance, array, children

State = dict[str, Any]
# What answers for a step or a search, from the outside in.
_ANSWERS_FOR = ("best_estimator_", "estimator_", "estimator")


def feature_groups(cls: type, state: State) -> str | None:
    """Check that features are joined in groups numbered 0, 1, 2, …, none of them empty."""
    if not _is_a(cls, "sklearn.cluster._agglomerative", "FeatureAgglomeration"):
        return None
    groups, width = array(state["labels_"]), state.get("n_features_in_")
    count = state.get("n_clusters_")
    if groups is None or groups.dtype.kind not in "iu" or groups.shape != (width,):
        return "groups of other features than their estimator's"
    if type(count) is not int and not isinstance(count, np.integer):
        return "groups of features without their number"
    if len(groups) < count or not np.array_equal(np.unique(groups), np.arange(count)):
        return "groups of features that are numbered out of range"
    return None


def chain(cls: type, state: State) -> str | None:
    """Check that the members of a chain answer for each target once."""
    if not _is_a(cls, "sklearn.multioutput", "_BaseChain"):
        return None
    order, members = state["order_"], state.get("estimators_")
    places = np.asarray(order) if _are_whole(order) else array(order)
    if places is None or places.ndim != 1 or places.dtype.kind not in "iu":
        return "a chain whose order is none"
    if not isinstance(members, list) or len(places) != len(members):
        return "a chain whose order does not fit its members"
    if not np.array_equal(np.sort(places), np.arange(len(places))):
        return "a chain whose order is out of range"
    return None


def votes(cls: type, state: State) -> str | None:
    """Check that each member of a vote by majority votes for a class by its number."""
    encoder = state.get("le_")
    if not _is_a(cls, "sklearn.ensemble._voting", "VotingClassifier"):
        return None
    if state.get("voting") == "soft":
        return None  # adds probabilities up
    # It counts before it asks for its classes, so that they are missed too late.
    found = encoder.state if isinstance(encoder, Instance) else None
    known = array(found.get("classes_")) if isinstance(found, dict) else None
    members = state["estimators_"]
    if known is None or known.ndim != 1 or not isinstance(members, list | tuple):
        return "votes without classes"
    for member in members:
        if isinstance(member, Instance) and not _votes_within(member, len(known)):
            return "a member that votes for classes out of range"
    return None


def _votes_within(member: Instance, count: int) -> bool:
    """Return whether a member is a classifier, and no class in it has a number of `count` on."""
    return _is_classifier(member) and all(
        _are_within(values, count) for values in _class_numbers(member)
    )


def _is_classifier(node: Instance) -> bool:
    if any(base.__name__ == "ClassifierMixin" for base in node.cls.__mro__):
        return True
    state = node.state if isinstance(node.state, dict) else {}
    steps = state.get("steps")
    last = steps[-1] if isinstance(steps, list) and steps else None
    inner = last[1] if isinstance(last, tuple) and len(last) == 2 else None
    found = next((state[key] for key in _ANSWERS_FOR if key in state), inner)
    return isinstance(found, Instance) and _is_classifier(found)


def _class_numbers(root: object) -> Iterator[Any]:
    """Yield what each estimator in a member may answer, each object once."""
    waiting, seen = [root], set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Instance):
            if family(value.cls) is Family.METADATA:
                continue
            state = value.state if isinstance(value.state, dict) else {}
            yield from _flat(state.get("classes_"))
            yield from _flat(state.get("outlier_label_"))
            if value.cls.__name__ == "DummyClassifier":
                yield from _flat(state.get("constant"))
        elif not isinstance(value, dict | list | tuple | Array):
            continue
        waiting.extend(children(value))


def outliers(_cls: type, state: State) -> str | None:
    """Check that what stands for rows without neighbours is one label, or one for each output."""
    given = state["outlier_label_"]
    labels = given if isinstance(given, list | tuple) else [given]
    if given is None or isinstance(given, Array):
        return None
    plain = all(isinstance(label, str | int | float | np.generic) for label in labels)
    return None if plain else "labels of outliers of a foreign form"


def _flat(value: object) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item)
    elif isinstance(value, Array):
        yield value.values
    elif isinstance(value, int | float | np.number):
        yield np.asarray(value)


def _are_within(values: Any, count: int) -> bool:
    # Texts cannot be counted, and numpy says so. A number may be stored among whole ones first.
    if values.dtype.kind not in "iuf" or values.size == 0:
        return True
    return bool(values.min() >= 0 and values.max() < count)


def infrequent(_cls: type, state: State) -> str | None:
    """Check that rare categories are grouped where the encoder says so, and nowhere else."""
    enabled, known = state["_infrequent_enabled"], state.get("categories_")
    groups = state.get("_infrequent_indices")
    mappings = state.get("_default_to_infrequent_mappings")
    if type(enabled) is not bool:
        return "rare categories of a foreign form"
    if not enabled or known is None:
        return None if groups is None and mappings is None else "rare categories that are not asked"
    if not (isinstance(known, list) and isinstance(groups, list) and isinstance(mappings, list)):
        return "rare categories of a foreign form"
    if not len(known) == len(groups) == len(mappings):
        return "rare categories that do not fit their features"
    for item, group, mapping in zip(known, groups, mappings, strict=True):
        values, places = array(item), array(group)
        if (group is None) is not (mapping is None) or values is None:
            return "rare categories of a foreign form"
        if group is None:
            continue
        if places is None or places.ndim != 1 or places.dtype.kind not in "iu" or not len(places):
            return "rare categories of a foreign form"
        if places.min() < 0 or places.max() >= len(values):
            return "rare categories that are not there"
    return None


def _are_whole(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int for item in value)


def _is_a(cls: type, module: str, name: str) -> bool:
    return any((base.__module__, base.__name__) == (module, name) for base in cls.__mro__)
