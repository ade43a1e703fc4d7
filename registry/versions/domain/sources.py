"""Parses a registration's source: a logged model, or another version."""

from __future__ import annotations

import re
from urllib.parse import unquote

_LOGGED_MODEL = re.compile(r"(?:^models:|/)/?(m-[0-9a-f]{32})(?:/|$)")
"""A logged model in a source: `models:/m-…`, or the folder that `runs:/…` is resolved to."""


_LONGEST_NUMBER = 9
"""Digits of a version number that every column holds."""


def logged_model_of(source: str) -> str | None:
    """Return the logged model that a source names; None if it names none."""
    found = _LOGGED_MODEL.search(source)
    return found[1] if found else None


def named_version(source: str) -> tuple[str, int] | None:
    """Return the (model, number) of the version that a source names; None if it names none."""
    if not source.startswith("models:/") or source.startswith("models:/m-"):
        return None
    name, _, number = source.removeprefix("models:/").partition("/")
    # Text first: Python reads no number of more than 4300 digits, and "²" is a digit.
    spelled = number.isdecimal() and len(number) <= _LONGEST_NUMBER
    return (unquote(name), int(number)) if spelled else None
