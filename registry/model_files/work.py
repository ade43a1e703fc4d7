"""Estimates the work of judging a tree, before the work is done."""

from __future__ import annotations

from registry.model_files import limits
from registry.model_files.errors import MalformedError
from registry.model_files.families import Family, family
from registry.model_files.nodes import Array, Instance


class Work:
    """Counts in units of about a third of a microsecond.

    The judge visits each object once, and all that stands in its attributes once for each object:
    an array that a thousand objects share is looked through a thousand times.
    """

    def __init__(self) -> None:
        self._weights: dict[int, int] = {}
        self._total = 0
        self._allowed = limits.FREE_WORK_UNITS

    def begin(self, value: object) -> None:
        """Count a value's own data. The more data the file has, the more work is allowed."""
        weight = 1
        if isinstance(value, Array) and value.values is not None:
            weight += int(value.values.nbytes) // limits.BYTES_PER_UNIT
            self._allowed += limits.WORK_PER_UNIT * (weight - 1)
        elif isinstance(value, Instance) and isinstance(value.state, dict):
            weight += limits.UNITS_PER_ATTRIBUTE * len(value.state)
        elif isinstance(value, dict | list | set | frozenset | tuple):
            self._allowed += len(value) // limits.REFERENCES_PER_UNIT
        self._weights[id(value)] = weight

    def one(self, owner: int) -> None:
        """Add a plain value to its holder."""
        self._weights[owner] += 1

    def add(self, owner: int, part: int) -> None:
        """Add a part to its holder."""
        self._weights[owner] += self._weights[part]

    def end(self, value: object) -> None:
        """Close an object: judged once for all its owners, but a sparse matrix once for each."""
        if isinstance(value, Instance) and family(value.cls) is not Family.SPARSE:
            self._total += self._weights[id(value)]
            self._weights[id(value)] = 1

    def check(self) -> None:
        """Refuse a tree that would take too long to judge.

        Raises:
            MalformedError: it would.
        """
        if self._total > self._allowed:
            raise MalformedError("shared data that takes beyond measure to look through")
