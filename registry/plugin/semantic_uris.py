"""Resolves semantic versions in `models:/` URIs, on the server."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from mlflow.entities.model_registry import ModelVersion

from registry.domain.records import VersionRecord
from registry.domain.values import GOVERNED_ALIASES, Stage, Standing
from registry.plugin import names
from registry.plugin.governed import Governed
from registry.plugin.mlflow_errors import translated

_logger = logging.getLogger(__name__)


class SemanticUris(Governed):
    """Resolves what a URI names."""

    @translated
    def get_latest_versions(self, name: str, stages: Any = None) -> list[ModelVersion]:
        """Resolve `models:/name/1.2.0` too, which MLflow's client sends as a stage."""
        if not self._reads_governed(name):
            plain: list[ModelVersion] = super().get_latest_versions(name, stages)
            return plain
        spec = _single(stages)
        if spec is not None and names.looks_like_version(spec):
            record = self._found(name, spec)
            return [super().get_model_version(name, record.version)]
        found: list[ModelVersion] = super().get_latest_versions(name, stages)
        crowned = [self._champion_for(version) for version in found]
        if stages:
            return crowned
        # Nobody named a stage: this is what `models:/name/latest` resolves by.
        numbers = [int(version.version) for version in crowned]
        unusable = self.registry.versions.unusable_numbers(name, numbers)
        usable = [
            self._usable_instead(version) if int(version.version) in unusable else version
            for version in crowned
        ]
        return [version for version in usable if version is not None]

    def _usable_instead(self, version: ModelVersion) -> ModelVersion | None:
        """Return the newest of a version's stage that is neither a pre-release nor yanked."""
        if version.current_stage == Stage.PRODUCTION.value:
            return version  # the gate lets neither in, and no yank leaves one there
        number = self.registry.versions.newest_usable(version.name, version.current_stage)
        return None if number is None else super().get_model_version(version.name, number)

    def _found(self, name: str, spec: str) -> VersionRecord:
        record = self.registry.versions.find_version(name, spec)
        if record.standing is not Standing.ACTIVE:
            _logger.warning("%s is %s: %s", record.ref, record.standing, record.standing_reason)
        return record

    def _champion_for(self, version: ModelVersion) -> ModelVersion:
        """Replace an unproven canary in Production with the champion."""
        if version.current_stage != Stage.PRODUCTION.value:
            return version
        number = self.registry.stages.champion_number(version.name)
        if number is None or number == int(version.version):
            return version
        return super().get_model_version(version.name, number)

    @translated
    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Resolve `models:/name@1.2.0` too."""
        if not isinstance(alias, str) or not self._reads_governed(name):
            return super().get_model_version_by_alias(name, alias)
        if names.looks_like_version(alias):
            record = self._found(name, alias)
            return super().get_model_version(name, record.version)
        if alias.lower() in GOVERNED_ALIASES:
            number = self.registry.stages.alias_number(name, alias)
            if number is not None:
                return super().get_model_version(name, number)
        return super().get_model_version_by_alias(name, alias)


def _single(stages: Any) -> str | None:
    """Return the one text among the requested stages; None if there are others."""
    if isinstance(stages, str) or not isinstance(stages, Sequence) or len(stages) != 1:
        return None
    return stages[0] if isinstance(stages[0], str) else None
