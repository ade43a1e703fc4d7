"""Compares two versions."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import Any

from sqlalchemy import Engine

from infra.settings import Settings
from infra.stores.db import reading
from registry.adapters import mirror
from registry.domain.records import VersionRecord
from registry.errors import ArtifactError
from registry.files.adapters import manifests, small_files
from registry.files.service import Files
from registry.stages.service import Stages
from registry.versions.adapters import subjects
from registry.versions.domain.bill import TOOL, bill
from registry.versions.domain.difference import ComparedVersion, Comparison, Line, differ, relate


@dataclass(frozen=True, slots=True)
class Comparing:
    """Compares versions, of one model or of two."""

    engine: Engine
    settings: Settings
    files: Files
    stages: Stages

    def compare(self, first: VersionRecord, second: VersionRecord) -> Comparison:
        """Return how two versions relate by number and by contract."""
        return relate(
            ComparedVersion(first.semver, first.signature),
            ComparedVersion(second.semver, second.signature),
        )

    def diff(self, first: VersionRecord, second: VersionRecord) -> tuple[Line, ...]:
        """Return every difference between two versions."""
        return differ(self._subject(first), self._subject(second))

    def bill(self, record: VersionRecord) -> dict[str, Any]:
        """Return a version's bill of materials, as CycloneDX JSON values."""
        digest = record.manifest_digest
        return bill(
            record.ref,
            record.created_ms,
            mirror.own_words(self.stages.position(record.uid).description),
            self._subject(record),
            self.files.registered_manifest(digest) if digest else None,
            metadata.version(TOOL),
        )

    def _subject(self, record: VersionRecord) -> ComparedVersion:
        requirements = self._requirements(record)
        with reading(self.engine) as connection:
            return subjects.gather(connection, record, requirements)

    def _requirements(self, record: VersionRecord) -> dict[str, str]:
        """Return the model's requirements, if its files exist and name any."""
        with reading(self.engine) as connection:
            entry = manifests.file(connection, record.manifest_digest, subjects.REQUIREMENTS)
            uri = record.storage_uri
        if entry is None or uri is None:
            return {}
        try:
            text = small_files.read_text(self.settings, uri, entry)
        except ArtifactError:
            return {}
        return subjects.read_requirements(text)
