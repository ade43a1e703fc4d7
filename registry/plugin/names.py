"""Checks that a name means one thing everywhere: in MLflow, a `models:/` URI, a URL and git."""

from __future__ import annotations

import re

from mlflow.store.model_registry.dbmodels.models import SqlRegisteredModel

from infra.errors import UsageError
from registry.domain.values import Stage
from registry.plugin.texts import longest

_GOVERNED_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._ -]{0,126}[A-Za-z0-9])?")
_LONGEST_GOVERNED = 128

_VERSION_LIKE = re.compile(r"\d+\.(?:\d+.*|[xX])")


class ModelNameError(UsageError):
    """A governed model's name is ambiguous somewhere."""

    code = "registry.name_invalid"


def check(name: str) -> None:
    """Refuse a governed model name that some part of the platform would misread.

    Raises:
        ModelNameError: it is not 1-128 letters, digits, `.`, `_`, `-` or spaces between letters
            or digits.
    """
    if not _GOVERNED_NAME.fullmatch(name):
        hint = "'@', '/' and ':' have a meaning in models:/ URIs; choose a plain name"
        if len(name) > _LONGEST_GOVERNED:
            hint = f"choose a shorter name; this one has {len(name)} characters"
        raise ModelNameError(
            f"expected a model name of 1-128 letters, digits, '.', '_', '-' or inner spaces, "
            f"found {name[:140]!r}",
            hint=hint,
        )


def check_storable(name: str) -> None:
    """Refuse any model's name that a database cannot hold, before the database answers in SQL.

    Raises:
        ModelNameError: it is longer than 256 characters, or has control characters.
    """
    limit = longest(SqlRegisteredModel, "name")
    if limit is not None and len(name) > limit:
        raise ModelNameError(
            f"expected a model name of at most {limit} characters, found {len(name)}: "
            f"{name[:40]!r}...",
            hint="choose a shorter name",
        )
    if any(ord(letter) < ord(" ") for letter in name):
        raise ModelNameError(
            f"expected a model name without control characters, found {name[:140]!r}",
            hint="choose a plain name",
        )


def check_alias(alias: str) -> None:
    """Refuse an alias of a governed model that a person could take for a governed place.

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
            f"expected an alias that is not a stage's name, found {alias!r}",
            hint="ask for the stage itself, or for champion or challenger",
        )


def looks_like_version(text: str) -> bool:
    """Return whether a stage or alias in a URI can only mean a semantic version or range."""
    return bool(_VERSION_LIKE.fullmatch(text))
