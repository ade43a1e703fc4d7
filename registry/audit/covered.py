"""Defines how many operations of a kind have their event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Covered:
    """How many operations of a kind have their event.

    Attributes:
        operation: in words.
        source: table that counts them; what is missing where nothing does.
        counted: operations by that source; None without data.
        audited: of these, those that an event tells of.
        gaps: each operation without an event, in words.
        decides: whether such a row says what may run, or who may do what: then one is too many.
    """

    operation: str
    source: str
    counted: int | None
    audited: int = 0
    gaps: tuple[str, ...] = ()
    decides: bool = False

    @property
    def percent(self) -> float | None:
        """Return the audited share; None without operations."""
        return 100 * self.audited / self.counted if self.counted else None

    @classmethod
    def of(
        cls, operation: str, source: str, counted: int, gaps: Sequence[str], *, decides: bool
    ) -> Covered:
        """Return what was counted, of which all but the gaps are audited."""
        return cls(operation, source, counted, counted - len(gaps), tuple(gaps), decides)
