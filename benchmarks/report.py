"""Compares measurements with targets and prints tables. Pure: no clock, no I/O."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

_HEADER = ("what", "p50 / p95 / max", "unit", "n", "target", "result")


class Statistic(StrEnum):
    """Which number of a row its target is about."""

    P50 = "p50"
    P95 = "p95"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class Target:
    """The most that a statistic may be, in the row's unit."""

    at_most: float
    statistic: Statistic = Statistic.MAX


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        what: was measured, and under which conditions.
        unit: of the samples; "x" for a ratio.
        samples: at least one; a single one is a value and not a distribution.
        target: None where the number is for information.
        of: how many things a single value counts or sums up; the number of samples by default.
    """

    what: str
    unit: str
    samples: tuple[float, ...]
    target: Target | None = None
    of: int | None = None

    def __post_init__(self) -> None:
        if not self.samples:
            raise ValueError(f"{self.what}: expected at least one sample, found none")

    @property
    def n(self) -> int:
        return len(self.samples) if self.of is None else self.of

    def value(self, statistic: Statistic) -> float:
        match statistic:
            case Statistic.P50:
                return percentile(self.samples, 0.5)
            case Statistic.P95:
                return percentile(self.samples, 0.95)
            case Statistic.MAX:
                return max(self.samples)

    @property
    def met(self) -> bool | None:
        """Whether the target holds; None without one."""
        if self.target is None:
            return None
        return self.value(self.target.statistic) <= self.target.at_most

    def document(self) -> dict[str, object]:
        """Return JSON values, every sample among them."""
        return {
            "what": self.what,
            "unit": self.unit,
            "n": self.n,
            **{s.value: self.value(s) for s in Statistic},
            "samples": list(self.samples),
            "target": None
            if self.target is None
            else {"statistic": self.target.statistic.value, "at_most": self.target.at_most},
            "met": self.met,
        }


def percentile(samples: Sequence[float], share: float) -> float:
    """Return a quantile, interpolated between the two samples beside it.

    Source: Hyndman and Fan (1996), type 7; at 0.5 it is the median.

    Args:
        samples: at least one.
        share: in [0, 1].
    """
    if not samples or not 0 <= share <= 1:
        raise ValueError(
            f"expected samples and a share in [0, 1], found {len(samples)} and {share}"
        )
    ordered = sorted(samples)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def compared(what: str, unit: str, ours: Sequence[float], peers: Sequence[float]) -> list[Row]:
    """Return the platform's times, the peer's times, and the ratio of the medians."""
    return [
        Row(what, unit, tuple(ours)),
        Row(f"{what}: plain MLflow", unit, tuple(peers)),
        ratio(what, ours, peers),
    ]


def ratio(
    what: str, ours: Sequence[float], peers: Sequence[float], *, target: Target | None = None
) -> Row:
    """Return the ratio of two medians; below 1 the platform is faster."""
    value = statistics.median(ours) / statistics.median(peers)
    count = min(len(ours), len(peers))
    return Row(f"{what}: ratio of the medians", "x", (value,), target, of=count)


def figure(value: float) -> str:
    """Return a number for people: three digits or four, never an exponent."""
    size = abs(value)
    if value == int(value) and size < 1000:
        return str(int(value))
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 1 else f"{value:.3f}"


def table(rows: Sequence[Row]) -> str:
    """Return an aligned table, one line per row, under a header."""
    cells = [_HEADER, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADER))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    measured = (
        figure(row.samples[0])
        if len(row.samples) == 1
        else " / ".join(figure(row.value(statistic)) for statistic in Statistic)
    )
    return (row.what, measured, row.unit, f"{row.n:,}", _target(row), _verdict(row.met))


def _target(row: Row) -> str:
    if row.target is None:
        return ""
    which = "" if len(row.samples) == 1 else f"{row.target.statistic} "
    return f"{which}<= {figure(row.target.at_most)}"


def _verdict(met: bool | None) -> str:
    if met is None:
        return ""
    return "met" if met else "NOT MET"


def missed(documents: Sequence[Mapping[str, object]]) -> list[str]:
    """Return the missed targets, from rows as `Row.document` writes them."""
    return [str(row["what"]) for row in documents if row["met"] is False]
