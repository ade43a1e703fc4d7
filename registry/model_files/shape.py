"""Refuses trees that contain themselves, nest too deeply or grow when they are walked."""

from __future__ import annotations

from collections.abc import Iterator

from registry.model_files import limits
from registry.model_files.errors import MalformedError
from registry.model_files.nodes import Array, Instance, Masked, children

_INNER = (dict, list, tuple, set, frozenset, Array, Masked, Instance)


def check_shape(root: object) -> None:
    """Check depth, cycles and size of a tree, without recursion and visiting each object once.

    Raises:
        MalformedError: an object holds itself, the nesting is deeper than `limits.MAX_DEPTH`, or
            counting shared objects once per reference exceeds what `limits` allows.
    """
    sizes: dict[int, int] = {}
    references = 0
    heights: dict[int, int] = {}
    open_ids: set[int] = set()
    stack: list[tuple[object, Iterator[object]]] = []

    def enter(value: object) -> None:
        open_ids.add(id(value))
        stack.append((value, children(value)))
        sizes[id(value)], heights[id(value)] = 1, 1

    if isinstance(root, _INNER):
        enter(root)
    while stack:
        value, rest = stack[-1]
        key = id(value)
        for child in rest:
            references += 1
            if not isinstance(child, _INNER):
                sizes[key] += 1
                continue
            if id(child) in open_ids:
                raise MalformedError("an object that holds itself")
            if id(child) not in sizes:
                if len(stack) >= limits.MAX_DEPTH:
                    raise MalformedError(f"nested deeper than {limits.MAX_DEPTH} levels")
                enter(child)
                break
            _add(sizes, heights, key, id(child))
        else:
            stack.pop()
            open_ids.discard(key)
            if stack:
                _add(sizes, heights, id(stack[-1][0]), key)
    allowed = limits.FREE_EXPANDED_NODES + limits.EXPANDED_PER_REFERENCE * references
    if sizes.get(id(root), 0) > allowed:
        raise MalformedError("shared objects that grow beyond measure when they are walked")


def _add(sizes: dict[int, int], heights: dict[int, int], parent: int, child: int) -> None:
    sizes[parent] += sizes[child]
    heights[parent] = max(heights[parent], heights[child] + 1)
    if heights[parent] > limits.MAX_DEPTH:
        raise MalformedError(f"nested deeper than {limits.MAX_DEPTH} levels")
