"""Reads JSON that comes with a model, and limits how deep it may nest.

Code that walks the value afterwards may recurse: the value is known to be shallow.
"""

from __future__ import annotations

import json
from typing import Any

MAX_LEVELS = 64
"""Levels of lists and mappings. MLflow's deepest documents, nested signatures, have some ten."""


class TooDeepError(ValueError):
    """A value is nested deeper than any model's document needs."""

    def __init__(self, what: str) -> None:
        super().__init__(f"expected up to {MAX_LEVELS} levels of nesting in {what}, found more")


def read(text: str | bytes, what: str) -> Any:
    """Parse JSON.

    Args:
        text: of the document.
        what: name of the document, for the error.

    Raises:
        TooDeepError: it is nested too deeply.
        ValueError: it is no JSON.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise TooDeepError(what) from None
    if not is_shallow(value):
        raise TooDeepError(what)
    return value


def is_shallow(value: object) -> bool:
    """Return whether a parsed value has at most `MAX_LEVELS` levels."""
    level: list[object] = [value]
    for _ in range(MAX_LEVELS):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return True
    return False


def _inside(value: object) -> list[object]:
    match value:
        case dict():
            held = list(value.values())
        case list():
            held = value
        case _:
            return []
    # Leaves end here: a table's rows are many, its levels few.
    return [inner for inner in held if isinstance(inner, dict | list)]
