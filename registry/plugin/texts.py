"""Checks that every supported database can hold a text: its letters and its length.

SQLite takes more than PostgreSQL, which answers with its SQL. Governed names may be moved from one
to the other, so both refuse the same of them, clearly; other names are as plain MLflow has them.
"""

from __future__ import annotations

from mlflow.store.model_registry.dbmodels.models import (
    SqlModelVersion,
    SqlModelVersionTag,
    SqlRegisteredModel,
    SqlRegisteredModelTag,
)

from infra.errors import UsageError
from infra.stores.db import is_storable

Row = (
    type[SqlModelVersion]
    | type[SqlModelVersionTag]
    | type[SqlRegisteredModel]
    | type[SqlRegisteredModelTag]
)


class TextInvalidError(UsageError):
    """A tag, a description or another text cannot be stored by a database."""

    code = "registry.text_invalid"


def longest(row: Row, column: str) -> int | None:
    """Return how many characters MLflow's column holds; None when it has no limit."""
    found: int | None = getattr(row.__table__.c[column].type, "length", None)
    return found


def check_row(row: Row, limited: bool, **texts: object) -> None:
    """Refuse texts that do not fit MLflow's columns of these names.

    Args:
        row: of which table.
        limited: whether the columns' lengths count.
        texts: by column.

    Raises:
        TextInvalidError: one is too long, or holds NUL characters or lone surrogates.
    """
    for column, text in texts.items():
        check_text(column, text, longest(row, column) if limited else None)


def check_tag(
    row: type[SqlModelVersionTag] | type[SqlRegisteredModelTag], tag: object, limited: bool
) -> None:
    """Refuse a tag whose value does not fit its column; MLflow itself limits the keys."""
    check_text("tag key", getattr(tag, "key", None))
    check_text("tag value", getattr(tag, "value", None), longest(row, "value") if limited else None)


def check_text(what: str, text: object, limit: int | None = None) -> None:
    """Refuse a text that some supported database cannot hold.

    Args:
        what: its kind, for the message.
        text: what a client sent; anything but text is MLflow's own error.
        limit: characters that it may have.

    Raises:
        TextInvalidError: it is too long, or holds NUL characters or lone surrogates.
    """
    if not isinstance(text, str):
        return
    if not is_storable(text):
        raise TextInvalidError(
            f"expected a {what} that a database can hold, found NUL characters or lone "
            f"surrogates in it: {text[:40]!r}",
            hint="leave them out",
        )
    if limit is not None and len(text) > limit:
        raise TextInvalidError(
            f"expected a {what} of at most {limit} characters, found {len(text)}: {text[:40]!r}...",
            hint="shorten it",
        )
