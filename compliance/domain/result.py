"""A rule's answer, and how to grade a number."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]


class Outcome(StrEnum):
    """How a rule ended. Only PASS and NOT_APPLICABLE leave a gate open."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    ERROR = "error"
    INSUFFICIENT = "insufficient"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule's answer about one version.

    Attributes:
        outcome: PASS exactly when what was expected was found.
        score: in [0, 1]; 0 for error and insufficient; ignored when not applicable.
        observed: what was measured, for people.
        expected: what the rule asks for, for people.
        fix: what to do when it did not pass.
        n: rows the measurement rests on.
        interval: two-sided 95 % interval of the measurement.
        details: numbers behind it, for the report (JSON values only).
    """

    outcome: Outcome
    score: float
    observed: str
    expected: str
    fix: str = ""
    n: int | None = None
    interval: tuple[float, float] | None = None
    details: dict[str, JsonValue] = field(default_factory=dict, hash=False)


def ramp(value: float, floor: float, target: float) -> float:
    """Return a score in [0, 1]: 0 at `floor` or worse, 1 at `target` or better, linear between.

    `target` above `floor` means that more is better; below, that less is.
    """
    if target == floor:
        return 1.0 if value >= target else 0.0
    return min(1.0, max(0.0, (value - floor) / (target - floor)))


def measured(
    value: float,
    *,
    floor: float,
    target: float,
    observed: str,
    expected: str,
    fix: str,
    n: int,
    interval: tuple[float, float] | None = None,
    details: dict[str, JsonValue] | None = None,
) -> RuleResult:
    """Grade one number; a number that is not finite is an error, never a pass."""
    if not math.isfinite(value):
        return failed_with(Outcome.ERROR, f"{observed} (not a finite number)", expected, fix)
    reached = value >= target if target >= floor else value <= target
    return RuleResult(
        outcome=Outcome.PASS if reached else Outcome.FAIL,
        score=1.0 if reached else ramp(value, floor, target),
        observed=observed,
        expected=expected,
        fix="" if reached else fix,
        n=n,
        interval=interval,
        details=details or {},
    )


def failed_with(outcome: Outcome, observed: str, expected: str, fix: str) -> RuleResult:
    """Return a result that scores zero and stays in the denominator."""
    return RuleResult(outcome, 0.0, observed, expected, fix)


def not_applicable(why: str) -> RuleResult:
    """Return a result that is printed and left out of the mean."""
    return RuleResult(Outcome.NOT_APPLICABLE, 0.0, why, "nothing")
