"""Reads the arguments of an operation, which come from the network as JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.errors import UsageError

Asked = Mapping[str, Any]
MAX_NUMBER = 2**63 - 1
"""Largest number that a column of the database holds."""


def text(asked: Asked, name: str, otherwise: str | None = None, *, longest: int = 10_000) -> str:
    """Return a text.

    Args:
        asked: the arguments.
        name: of the argument.
        otherwise: its value if it was not given; None if it must be.
        longest: most characters.

    Raises:
        UsageError: it is missing, no text, too long or not printable everywhere.
    """
    value = asked.get(name, otherwise)
    if not isinstance(value, str):
        raise _wrong(name, "a text", value)
    if len(value) > longest:
        raise UsageError(f"expected {name} of at most {longest:,} characters, found {len(value):,}")
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise UsageError(f"expected {name} as text in Unicode, found characters that are none")
    return value


def number(asked: Asked, name: str) -> int:
    """Return a number of at least 0 that a database holds.

    Raises:
        UsageError: it is missing or another value.
    """
    value = asked.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_NUMBER:
        raise _wrong(name, f"a whole number from 0 to {MAX_NUMBER}", value)
    return value


def flag(asked: Asked, name: str) -> bool:
    """Return whether a flag is set; a missing one is not.

    Raises:
        UsageError: it is no truth value.
    """
    value = asked.get(name, False)
    if not isinstance(value, bool):
        raise _wrong(name, "true or false", value)
    return value


def mapping(asked: Asked, name: str) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        UsageError: it is missing or another value.
    """
    value = asked.get(name)
    if not isinstance(value, dict):
        raise _wrong(name, "an object", value)
    return value


def texts(asked: Asked, name: str) -> tuple[str, ...]:
    """Return a list of texts; a missing one is empty.

    Raises:
        UsageError: it is another value.
    """
    value = asked.get(name, [])
    if not isinstance(value, list):
        raise _wrong(name, "a list of texts", value)
    return tuple(text({name: one}, name) for one in value)


def no_others(asked: Asked, *names: str) -> None:
    """Refuse arguments that an operation does not have: a misspelt one would change nothing.

    Raises:
        UsageError: there is one.
    """
    others = sorted(set(asked) - set(names))
    if others:
        raise UsageError(f"expected {', '.join(names)}, found {', '.join(others)[:200]}")


def _wrong(name: str, expected: str, value: object) -> UsageError:
    found = "none" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"
    return UsageError(f"expected {name} as {expected}, found {found}")
