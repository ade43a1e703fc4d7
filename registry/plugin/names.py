"""Names that mean one thing everywhere: in MLflow, in a `models:/` URI, in a URL, in git."""

from __future__ import annotations

import re

from infra.db import is_storable
from infra.errors import UsageError
from registry.domain.values import Stage

_GOVERNED_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._ -]{0,126}[A-Za-z0-9])?")
LONGEST = 256
"""Of MLflow's column, in characters. SQLite would take more, and PostgreSQL then not."""

_VERSION_LIKE = re.compile(r"\d+\.(?:\d+.*|[xX])")


class ModelNameError(UsageError):
    """A governed model's name is ambiguous somewhere."""

    code = "registry.name_invalid"


class TextInvalidError(UsageError):
    """A tag or description holds what no database can store."""

    code = "registry.text_invalid"


def check(name: str) -> None:
    """Refuse a governed model name that some part of the platform would misread.

    Raises:
        ModelNameError: it is not 1-128 letters, digits, `.`, `_`, `-` or spaces between letters
            or digits.
    """
    if not _GOVERNED_NAME.fullmatch(name):
        raise ModelNameError(
            f"expected a model name of 1-128 letters, digits, '.', '_', '-' or inner spaces, "
            f"found {name[:140]!r}",
            hint="'@', '/' and ':' have a meaning in models:/ URIs; choose a plain name",
        )


def check_storable(name: str) -> None:
    """Refuse a name of any model that a database cannot hold, before it says so in SQL.

    Raises:
        ModelNameError: it is longer than 256 characters, or has control characters.
    """
    if len(name) > LONGEST:
        raise ModelNameError(
            f"expected a model name of at most {LONGEST} characters, found {len(name)}: "
            f"{name[:40]!r}...",
            hint="choose a shorter name",
        )
    if any(ord(letter) < ord(" ") for letter in name):
        raise ModelNameError(
            f"expected a model name without control characters, found {name[:140]!r}",
            hint="choose a plain name",
        )


def check_text(what: str, text: object) -> None:
    """Refuse text that one of the supported databases cannot hold.

    Args:
        what: its kind, for the message.
        text: what a client sent; anything but text is MLflow's own error.

    Raises:
        TextInvalidError: it holds NUL characters or lone surrogates.
    """
    if isinstance(text, str) and not is_storable(text):
        raise TextInvalidError(
            f"expected a {what} that a database can hold, found NUL characters or lone "
            f"surrogates in it: {text[:40]!r}",
            hint="leave them out",
        )


def check_alias(alias: str) -> None:
    """Refuse an alias of a governed model that a person would take for a governed place.

    Raises:
        ModelNameError: it is a stage's name, or not plain ASCII.
    """
    if not alias.isascii():
        raise ModelNameError(
            f"expected an alias of plain ASCII letters, found {alias!r}",
            hint="look-alikes of champion and challenger would mislead",
        )
    if Stage.parse(alias) is not None:
        raise ModelNameError(
            f"expected an alias that is no stage's name, found {alias!r}",
            hint="ask for the stage itself, or for champion or challenger",
        )


def looks_like_version(text: str) -> bool:
    """Whether a stage or alias in a URI can only be meant as a semantic version or range."""
    return bool(_VERSION_LIKE.fullmatch(text))
