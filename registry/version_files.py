"""Use cases around one version: reading its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from infra.db import reading
from registry.adapters import artifact_files, tables
from registry.adapters.input_example import read_columns
from registry.domain.inference import ExampleUnreadableError, JsonKind
from registry.domain.manifest import FileEntry, Manifest, difference
from registry.domain.signature import Signature
from registry.finding import Finding
from registry.records import VersionRecord


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was read from a version's files before it is registered.

    Attributes:
        manifest: every file; None when the files cannot be read.
        signature: None when the model has none, or it cannot be read.
        storage_uri: folder that the source stands for; None when it cannot be resolved.
        problem: why something could not be read, or "".
        example: columns of the input example of a model without a signature, if it has one.
        example_problem: why there are none, or "".
    """

    manifest: Manifest | None
    signature: Signature | None
    storage_uri: str | None = None
    problem: str = ""
    example: Mapping[str, JsonKind] | None = None
    example_problem: str = ""


class VersionFiles(Finding):
    """Reading a version's files, and proving that they are those registered."""

    def inspect(self, source: str) -> Inspected:
        """Hash a version's files and read its signature; touches no database row.

        Never raises for a bad artifact: a version may be registered whatever it is, and is
        refused at the gate.
        """
        uri: str | None = None
        try:
            with reading(self.engine) as connection:
                uri = artifact_files.storage_uri(connection, source)
            folder = artifact_files.fetch(self.settings, uri)
        except artifact_files.ArtifactError as err:
            return Inspected(None, None, uri, err.message)
        try:
            manifest = artifact_files.build_manifest(folder)
            mlmodel = artifact_files.read_mlmodel(folder)
            signature = Signature.from_mlmodel(mlmodel) if mlmodel else None
            example, example_problem = None, ""
            if mlmodel and signature is None:
                example, example_problem = _example(folder, mlmodel)
        except (artifact_files.ArtifactError, ValueError) as err:
            return Inspected(None, None, uri, str(err))
        finally:
            artifact_files.discard(self.settings, folder)
        return Inspected(manifest, signature, uri, "", example, example_problem)

    def model_files(self, uid: str) -> Path:
        """Return a local folder with the version's files, proven to be those registered.

        The caller must not modify it. A folder fetched from a remote store lies under
        `<storage root>/downloads`; `release_files` removes it.

        Raises:
            ArtifactError: the files cannot be read, or differ from the registered manifest.
        """
        record = self.version(uid)
        with reading(self.engine) as connection:
            uri = record.storage_uri or artifact_files.storage_uri(connection, record.source)
        folder = artifact_files.fetch(self.settings, uri)
        found = artifact_files.build_manifest(folder)
        if found.digest != record.manifest_digest:
            raise artifact_files.ArtifactError(
                f"{record.ref}: expected files with digest {record.manifest_digest}, "
                f"found {found.digest}: {self._difference(record, found)}",
                hint="restore the registered files, or register these as a new version",
            )
        return folder

    def release_files(self, folder: Path) -> None:
        """Give back what `model_files` returned."""
        artifact_files.discard(self.settings, folder)

    def current_manifest_digest(self, record: VersionRecord) -> str | None:
        """Hash a version's files as they are now; None when they cannot be read."""
        inspected = self.inspect(record.storage_uri or record.source)
        return inspected.manifest.digest if inspected.manifest else None

    def _difference(self, record: VersionRecord, found: Manifest) -> str:
        if record.manifest_digest is None:
            return "no files were readable at registration"
        with reading(self.engine) as connection:
            document = connection.execute(
                select(tables.manifest.c.document).where(
                    tables.manifest.c.digest == record.manifest_digest
                )
            ).scalar()
        if document is None:
            return "the registered manifest is missing"
        registered = Manifest.of(FileEntry(**file) for file in document["files"])
        return "; ".join(difference(registered, found)[:5])


def _example(folder: Path, mlmodel: Mapping[str, Any]) -> tuple[Mapping[str, JsonKind] | None, str]:
    try:
        return read_columns(folder, mlmodel), ""
    except ExampleUnreadableError as err:
        return None, str(err)
