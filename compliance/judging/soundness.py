"""Validates the answers of checks: anybody may install one, and a verdict must not break on it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any, cast

from compliance.domain.result import JsonValue, Outcome, RuleResult, failed_with

MAX_TEXT_CHARACTERS = 2000


def sound(answer: object) -> RuleResult:
    """Return the answer if its values can be added, stored and shown; else an error."""
    if not isinstance(answer, RuleResult):
        return _broken(f"expected a RuleResult, found {type(answer).__name__}")
    texts = (answer.observed, answer.expected, answer.fix)
    if not isinstance(answer.outcome, Outcome) or not all(isinstance(t, str) for t in texts):
        return _broken("expected an outcome with texts, found others")
    try:
        score = float(answer.score)
        rows = None if answer.n is None else int(answer.n)
        interval = None if answer.interval is None else _interval(answer.interval)
        details = cast("dict[str, JsonValue]", json.loads(json.dumps(dict(answer.details))))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return _broken("expected numbers and details of plain JSON, found others")
    if not math.isfinite(score):
        return _broken("expected a score from 0 to 1, found one that is no number")
    observed, expected, fix = map(_storable, texts)
    return replace(
        answer, score=score, observed=observed, expected=expected, fix=fix, n=rows,
        interval=interval, details=details,
    )  # fmt: skip


def _interval(raw: Any) -> tuple[float, float]:
    low, high = raw
    return float(low), float(high)


def _storable(text: str) -> str:
    """Cut a text to what every database holds: no NUL, no lone surrogate, no endless line."""
    clean = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")
    return clean if len(clean) <= MAX_TEXT_CHARACTERS else clean[:MAX_TEXT_CHARACTERS] + "…"


def _broken(found: str) -> RuleResult:
    fix = "report this to the check's author"
    return failed_with(Outcome.ERROR, f"the check itself failed: {found}", "an answer", fix)
