"""Matches clients' regular expressions in a time that grows with the text alone.

MLflow gives SQLite Python's `re`, which needs ages for some pairs of pattern and text, and lets no
other thread run meanwhile: one search could stop the server. RE2 knows no such pairs and releases
the interpreter. It has neither back-references nor look-around, so these are refused.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2
from sqlalchemy import Engine, event

from infra.errors import UsageError

LONGEST = 1000
"""Most characters of a pattern."""
_MEMORY_BYTES = 8 << 20
"""For a pattern's program and its cache; RE2 refuses patterns that need more."""


class PatternRefusedError(UsageError):
    """A regular expression is malformed, too long, or of a kind that is not supported."""

    code = "registry.pattern_refused"


def check(pattern: str) -> None:
    """Refuse a pattern that `is_found` would not search for.

    Raises:
        PatternRefusedError: it is longer than `LONGEST`, or RE2 does not read it.
    """
    if len(pattern) > LONGEST:
        raise PatternRefusedError(
            f"expected a regular expression of at most {LONGEST} characters, found {len(pattern)}",
            hint="search for a part of it",
        )
    try:
        _compiled(pattern)
    except (re2.error, UnicodeEncodeError) as err:
        raise PatternRefusedError(
            f"expected a regular expression in RE2's syntax, found {pattern[:80]!r}: "
            f"{_words(err)[:120]}",
            hint="leave out back-references, look-around and repetitions of more than 1000",
        ) from err


def is_found(pattern: object, text: object) -> bool:
    """Return whether a text has the pattern; False for what is no text or no pattern."""
    if not isinstance(pattern, str) or not isinstance(text, str):
        return False
    try:
        return _compiled(pattern).search(text.encode(errors="replace")) is not None
    except (re2.error, UnicodeEncodeError):
        return False


def use_in(engine: Engine) -> None:
    """Let the connections of an SQLite engine match by `is_found` from now on."""
    if engine.dialect.name == "sqlite" and not event.contains(engine, "checkout", _teach):
        # At each checkout: MLflow teaches them its own when they are opened, some before this.
        event.listen(engine, "checkout", _teach)


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = _MEMORY_BYTES
    options.never_capture = True  # groups cost time, and nobody asks what they hold
    options.log_errors = False
    return re2.compile(pattern.encode(), options)


def _words(error: Exception) -> str:
    found = error.args[0] if error.args else error
    return found.decode(errors="replace") if isinstance(found, bytes) else str(found)


def _teach(connection: Any, *_more: Any) -> None:
    connection.create_function("regexp", 2, is_found)
