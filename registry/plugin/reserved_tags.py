"""Tags: those under `acgs.` are written by the platform alone."""

from __future__ import annotations

import unicodedata
from typing import Any

from mlflow.entities.model_registry import ModelVersionTag
from mlflow.store.model_registry.dbmodels.models import SqlModelVersionTag, SqlRegisteredModelTag

from registry.domain.values import RESERVED_TAG_PREFIX
from registry.errors import ReservedTagError
from registry.plugin.governed import Governed
from registry.plugin.mlflow_errors import translated
from registry.plugin.texts import check_tag


class ReservedTags(Governed):
    """Setting and deleting tags."""

    @translated
    def set_model_version_tag(self, name: str, version: Any, tag: ModelVersionTag) -> None:
        """Set a tag that is not the platform's."""
        refuse_reserved([tag], SqlModelVersionTag, self._is_limited(name))
        super().set_model_version_tag(name, version, tag)

    @translated
    def delete_model_version_tag(self, name: str, version: Any, key: str) -> None:
        """Delete a tag that is not the platform's."""
        refuse_key(key)
        super().delete_model_version_tag(name, version, key)

    @translated
    def set_registered_model_tag(self, name: str, tag: Any) -> None:
        """Set a tag that is not the platform's."""
        refuse_reserved([tag], SqlRegisteredModelTag, self._is_limited(name))
        super().set_registered_model_tag(name, tag)

    @translated
    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Delete a tag that is not the platform's."""
        refuse_key(key)
        super().delete_registered_model_tag(name, key)


def is_reserved(key: str) -> bool:
    """Whether a tag is, or looks like, one of the platform's."""
    folded = unicodedata.normalize("NFKC", str(key)).strip().casefold()
    return folded.startswith(RESERVED_TAG_PREFIX)


def refuse_reserved(
    tags: Any, row: type[SqlModelVersionTag] | type[SqlRegisteredModelTag], limited: bool
) -> None:
    """Refuse tags of which one is the platform's, or cannot be held as a row of its table.

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
