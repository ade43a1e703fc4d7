"""Governs tags: only the platform writes those under `acgs.`."""

from __future__ import annotations

from typing import Any

from mlflow.entities.model_registry import ModelVersionTag
from mlflow.store.model_registry.dbmodels.models import SqlModelVersionTag, SqlRegisteredModelTag

from registry.plugin.governed import Governed
from registry.plugin.mlflow_errors import translated
from registry.plugin.reserved_tags import refuse_key, refuse_reserved


class GovernedTags(Governed):
    """Sets and deletes tags."""

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
