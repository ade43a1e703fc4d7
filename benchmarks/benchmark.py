"""Defines a benchmark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Row
from infra.errors import UnavailableError

_QUICK_PART = 6
_FEWEST = 3


class NoDataError(UnavailableError):
    """A benchmark could not be run, so there are no numbers."""

    code = "benchmarks.no_data"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: all of it, or a sixth, to see that it works."""

    quick: bool = False

    def count(self, full: int) -> int:
        return max(_FEWEST, full // _QUICK_PART) if self.quick else full

    def seconds(self, full: float) -> float:
        return full / _QUICK_PART if self.quick else full


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One benchmark.

    Attributes:
        name: on the command line.
        summary: what it measures, in a line.
        run: measures in an empty folder of its own, and leaves no process behind.
    """

    name: str
    summary: str
    run: Callable[[Path, Effort], Sequence[Row]]


def require(holds: bool, expected: str, found: object) -> None:
    """Refuse to report if a condition of the benchmark does not hold.

    Raises:
        NoDataError: it does not hold.
    """
    if not holds:
        raise NoDataError(f"expected {expected}, found {found}")
