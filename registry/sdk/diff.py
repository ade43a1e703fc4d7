"""Represents the differences between two versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.sdk import html

_SHOWN = 40
_DIGEST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Attributes:
        part: `signature`, `parameter`, `metric`, `dataset`, `requirement`, `file`, `tag`, `fact`.
        before: None where it is not there; so `after`.
        note: more for people, e.g. `+2.5 %`.
    """

    part: str
    name: str
    before: str | None
    after: str | None
    note: str

    def __str__(self) -> str:
        note = f" ({self.note})" if self.note else ""
        return f"{self.part} {self.name}: {self.shown_before} -> {self.shown_after}{note}"

    @property
    def shown_before(self) -> str:
        """The value before, cut to a table's width; `-` if there is none."""
        return _short(self.part, self.before)

    @property
    def shown_after(self) -> str:
        """The value after, cut to a table's width; `-` if there is none."""
        return _short(self.part, self.after)


@dataclass(frozen=True, slots=True)
class Diff:
    """Every difference between two versions.

    Attributes:
        order: `<`, `=` or `>` by precedence.
        change: what moving to the second is to callers: `major`, `minor`, `patch` or `unknown`.
        reasons: why, worst first.
    """

    title: str
    order: str
    change: str
    reasons: tuple[str, ...]
    differences: tuple[Difference, ...]

    def of_part(self, part: str) -> tuple[Difference, ...]:
        """Return the differences of one part, e.g. `metric`."""
        return tuple(found for found in self.differences if found.part == part)

    def __repr__(self) -> str:
        lines = [f"{self.title}: {self.change}", *(f"  {reason}" for reason in self.reasons)]
        return "\n".join(lines + [f"  {found}" for found in self.differences])

    def _repr_html_(self) -> str:
        title = f"{self.title}: {self.change}" + "".join(f"\n{why}" for why in self.reasons)
        rows = [(d.part, d.name, d.shown_before, d.shown_after, d.note) for d in self.differences]
        return html.table(title, ("part", "name", "before", "after", ""), rows)


def diff_of(view: Mapping[str, Any]) -> Diff:
    """Read the server's JSON."""
    first, second = view["first"], view["second"]
    return Diff(
        f"{first['name']} {first['semver']} {view['order']} {second['name']} {second['semver']}",
        view["order"],
        view["change"],
        tuple(view["reasons"]),
        tuple(
            Difference(line["part"], line["name"], line["before"], line["after"], line["note"])
            for line in view["lines"]
        ),
    )


def _short(part: str, value: str | None) -> str:
    if value is None:
        return "-"
    limit = _DIGEST_SHOWN if part == "file" else _SHOWN
    flat = " ".join(value.split())
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"
