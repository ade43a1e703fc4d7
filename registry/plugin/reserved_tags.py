"""Refuses tags under `acgs.`, which the platform alone writes."""

from __future__ import annotations

import unicodedata
from typing import Any

from mlflow.store.model_registry.dbmodels.models import SqlModelVersionTag, SqlRegisteredModelTag

from registry.domain.values import RESERVED_TAG_PREFIX
from registry.errors import ReservedTagError
from registry.plugin.texts import check_tag


def is_reserved(key: str) -> bool:
    """Return whether a tag is, or looks like, one of the platform's."""
    folded = unicodedata.normalize("NFKC", str(key)).strip().casefold()
    return folded.startswith(RESERVED_TAG_PREFIX)


def refuse_reserved(
    tags: Any, row: type[SqlModelVersionTag] | type[SqlRegisteredModelTag], limited: bool
) -> None:
    """Refuse tags if one is the platform's or does not fit its table.

    Args:
        tags: what a client sent.
        row: of which table.
        limited: whether the lengths of its columns count.

    Raises:
        ReservedTagError: one is.
        TextInvalidError: one is too long, or holds what no database can store.
    """
    for tag in tags or []:
        refuse_key(tag.key)
        check_tag(row, tag, limited)


def refuse_key(key: str) -> None:
    """Refuse a tag that is the platform's.

    Raises:
        ReservedTagError: it is.
    """
    if is_reserved(key):
        raise ReservedTagError(
            f"expected a tag outside {RESERVED_TAG_PREFIX}*, found {key}",
            hint=f"tags under {RESERVED_TAG_PREFIX} are written by the platform alone",
        )
