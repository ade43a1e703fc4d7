"""Explains a refusal: failed rules, and the same rules grouped by cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """One failed rule, described so that its owner can act.

    Attributes:
        rule: stable id of the rule, e.g. `fairness.equal_opportunity`.
        expected: what the rule asks for.
        found: what was measured.
        fix: what to do.
    """

    rule: str
    expected: str
    found: str
    fix: str

    def __str__(self) -> str:
        return f"{self.rule}: expected {self.expected}, found {self.found}. Fix: {self.fix}"


@dataclass(frozen=True, slots=True)
class Cause:
    """What was found and what to do, with every rule that it failed.

    Attributes:
        expected: empty where the rules expected different things; then none of that is the cause.
    """

    rules: tuple[str, ...]
    expected: str
    found: str
    fix: str

    @property
    def what(self) -> str:
        """What was expected, if that is one thing, and what was found."""
        return f"expected {self.expected}, found {self.found}" if self.expected else self.found

    def __str__(self) -> str:
        return f"{', '.join(self.rules)}: {self.what}. Fix: {self.fix}"


def causes(reasons: Iterable[Reason]) -> tuple[Cause, ...]:
    """Group reasons with the same finding and the same hint, in the order of each group's first."""
    groups: dict[tuple[str, str], list[Reason]] = {}
    for reason in reasons:
        groups.setdefault((reason.found, reason.fix), []).append(reason)
    return tuple(
        Cause(
            rules=tuple(reason.rule for reason in group),
            expected=group[0].expected if len({r.expected for r in group}) == 1 else "",
            found=found,
            fix=fix,
        )
        for (found, fix), group in groups.items()
    )
