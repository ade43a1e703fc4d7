"""Explains pydantic's errors: where, what was found, what was expected, what may be meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

SHOWN = 5


def explain(error: ValidationError, known: Iterable[str], where: str = "") -> str:
    """Return one line per problem, at most `SHOWN`.

    Args:
        error: what pydantic found.
        known: keys that may be written, for "did you mean".
        where: path of the value that was checked, inside its document.
    """
    keys = sorted(set(known))
    # A misspelt key is also a missing one: the misspelling says more.
    found = sorted(_real(error), key=lambda d: d["type"] != "extra_forbidden")
    lines = [_line(detail, keys, where) for detail in found]
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n  ".join(lines[:SHOWN] + more)


def _real(error: ValidationError) -> list[ErrorDetails]:
    """Drop "list too short" if the list only lost an item that has its own error."""
    found = error.errors(include_url=False)
    return [
        one
        for one in found
        if one["type"] != "too_short"
        or not any(
            other["loc"][: len(one["loc"])] == one["loc"] and len(other["loc"]) > len(one["loc"])
            for other in found
        )
    ]


def suggestion(word: str, known: Sequence[str]) -> str:
    """Return ", did you mean 'x'?" when something close is known, else an empty text."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f", did you mean {close[0]!r}?" if close else ""


def path_of(parts: Iterable[object], where: str = "") -> str:
    """Write a location as `principles[0].rules[2].params.floor`."""
    text = where
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "(document)"


def _line(detail: ErrorDetails, keys: Sequence[str], where: str) -> str:
    path = path_of(detail["loc"], where)
    match detail["type"]:
        case "extra_forbidden":
            word = str(detail["loc"][-1])
            return f"{path}: unknown key {word!r}{suggestion(word, keys)}"
        case "missing":
            return f"{path}: expected a value, found none"
        case "value_error":
            return f"{path}: {detail['msg'].removeprefix('Value error, ')}"
        case _:
            expected = detail["msg"][0].lower() + detail["msg"][1:]
            return f"{path}: {expected}, found {detail['input']!r}"
