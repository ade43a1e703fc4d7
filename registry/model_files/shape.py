"""Refuses trees that contain themselves, nest too deep or grow when they are walked."""

from __future__ import annotations

from collections.abc import Iterator

from registry.model_files import cf_trees, limits
from registry.model_files.errors import MalformedError
from registry.model_files.families import Family, family
from registry.model_files.nodes import Array, Instance, Masked, children
from registry.model_files.work import Work

_INNER = (dict, list, tuple, set, frozenset, Array, Masked, Instance)


def check_shape(root: object) -> None:
    """Check depth, cycles and size of a tree, without recursion and visiting each object once.

    Two kinds of links lead back by design, and are followed no further: the tree of a Birch, which
    `cf_trees` checks, and the owners of metadata requests, each of which is a tree of its own.

    Raises:
        MalformedError: an object holds itself, the nesting is deeper than `limits.MAX_DEPTH`, or
            counting shared objects or arrays once per reference exceeds what `limits` allows.
    """
    walk = _Walk()
    walk.check(root)
    while walk.owners:
        walk.check(walk.owners.pop())
    walk.work.check()


class _Walk:
    """Visits each object once, whichever root leads to it first."""

    def __init__(self) -> None:
        self.owners: list[Instance] = []
        self._sizes: dict[int, int] = {}
        self._heights: dict[int, int] = {}
        self._references = 0
        self.work = Work()

    def check(self, root: object) -> None:
        """Walk everything in a root. Keep all walked values alive until the last root is done."""
        open_ids: set[int] = set()
        stack: list[tuple[object, Iterator[object]]] = []
        if isinstance(root, _INNER) and id(root) not in self._sizes:
            self._enter(root, open_ids, stack)
        while stack:
            value, rest = stack[-1]
            key = id(value)
            for child in rest:
                self._references += 1
                if not isinstance(child, _INNER):
                    self._sizes[key] += 1
                    self.work.one(key)
                    continue
                if id(child) in open_ids:
                    raise MalformedError("an object that holds itself")
                if id(child) not in self._sizes:
                    if len(stack) >= limits.MAX_DEPTH:
                        raise MalformedError(f"nested deeper than {limits.MAX_DEPTH} levels")
                    self._enter(child, open_ids, stack)
                    break
                self._add(key, id(child))
            else:
                stack.pop()
                open_ids.discard(key)
                self.work.end(value)
                if stack:
                    self._add(id(stack[-1][0]), key)
        allowed = limits.FREE_EXPANDED_NODES + limits.EXPANDED_PER_REFERENCE * self._references
        if self._sizes.get(id(root), 0) > allowed:
            raise MalformedError("shared objects that grow beyond measure when they are walked")

    def _enter(
        self, value: object, open_ids: set[int], stack: list[tuple[object, Iterator[object]]]
    ) -> None:
        open_ids.add(id(value))
        stack.append((value, self._followed(value)))
        self._sizes[id(value)], self._heights[id(value)] = 1, 1
        self.work.begin(value)

    def _followed(self, value: object) -> Iterator[object]:
        """Yield what a value holds, except links that lead back; record their owners."""
        if not isinstance(value, Instance) or not isinstance(value.state, dict):
            return children(value)
        if cf_trees.is_birch(value.cls):
            return iter(cf_trees.without(value.state).values())
        owner = value.state.get("owner")
        if isinstance(owner, Instance) and family(value.cls) is Family.METADATA:
            self.owners.append(owner)
            return iter([item for key, item in value.state.items() if key != "owner"])
        return children(value)

    def _add(self, parent: int, child: int) -> None:
        self._sizes[parent] += self._sizes[child]
        self.work.add(parent, child)
        self._heights[parent] = max(self._heights[parent], self._heights[child] + 1)
        if self._heights[parent] > limits.MAX_DEPTH:
            raise MalformedError(f"nested deeper than {limits.MAX_DEPTH} levels")
