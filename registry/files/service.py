"""Reads a version's files, and proves them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from infra.errors import NoAccessError, PlatformError
from infra.settings import Settings
from infra.stores.db import reading
from registry.adapters import version_rows
from registry.domain.plain_json import TooDeepError
from registry.domain.reasons import Reason
from registry.domain.records import VersionRecord
from registry.domain.signature import Signature
from registry.domain.values import spelled
from registry.errors import ArtifactError, GateClosedError, NestingError
from registry.files.adapters import (
    artifact_files,
    custody_rows,
    locations,
    manifests,
    source_rules,
    stored_files,
)
from registry.files.adapters.input_example import read_columns
from registry.files.adapters.stored_files import StoredFiles
from registry.files.adapters.uploads import Uploads
from registry.files.domain.inference import ExampleUnreadableError
from registry.files.domain.inspected import Inspected
from registry.files.domain.manifest import Manifest, difference
from registry.files.errors import SourceRefusedError
from registry.model_files import plain_yaml


@dataclass(frozen=True, slots=True)
class Files:
    """Reads a version's files, and proves that they are those registered."""

    engine: Engine
    settings: Settings
    uploads: Uploads = field(default_factory=Uploads, compare=False)

    def require_source(self, source: str, *, anywhere: bool) -> None:
        """Refuse to register a folder shared with others' files, or one in a foreign store.

        Args:
            source: what the caller wants to register.
            anywhere: in any store; else inside the allowed roots only.

        Raises:
            SourceRefusedError: it must not be registered.
        """
        try:
            uri = self._storage_uri(source)
        except ArtifactError as err:
            if anywhere:
                return
            raise SourceRefusedError(err.message) from err
        if not source_rules.is_surely_own(self.settings, uri):
            with reading(self.engine) as connection:
                source_rules.require_own(self.settings, connection, uri)
        if not anywhere:
            source_rules.require_allowed(self.settings, uri)

    def inspect(self, source: str) -> Inspected:
        """Hash a version's files and read its signature; touches no database row.

        Files that this process stored, and that are as it stored them, were hashed then.

        Never raises for a bad artifact: a version may be registered whatever it is, and is
        refused at the gate. `refused` says only that the files nest too deep.
        """
        uri: str | None = None
        try:
            uri = self._storage_uri(source)
            with stored_files.opened(self.settings, uri) as files:
                return _inspected(files, uri, self.uploads)
        except (ArtifactError, NoAccessError, ValueError) as err:
            return _unreadable(uri, err)

    def _storage_uri(self, source: str) -> str:
        if not source.startswith(("models:/", "runs:/")):
            # A place itself: no question for the database.
            return source
        with reading(self.engine) as connection:
            return locations.storage_uri(connection, source)

    def model_files(self, uid: str) -> Path:
        """Return a local folder with the version's files, proven to be those registered.

        The caller must not modify it. A folder fetched from a remote store lies under
        `<storage root>/downloads`; `release_files` removes it.

        Raises:
            ArtifactError: the files are missing, or differ from the registered manifest.
            NoAccessError: the store denies access.
            GateClosedError: the version is quarantined, or its files were freed.
        """
        with reading(self.engine) as connection:
            record = version_rows.require(connection, uid)
        self.require_usable(record)
        uri = self.files_uri(record)
        folder = artifact_files.fetch(self.settings, uri)
        try:
            self.require_registered(record, artifact_files.build_manifest(folder))
        except BaseException:
            artifact_files.discard(self.settings, folder)
            raise
        return folder

    def require_usable(self, record: VersionRecord) -> None:
        """Refuse a version that is quarantined or whose files were freed.

        Raises:
            GateClosedError: it is.
        """
        reasons = self.unusable(record.uid)
        if reasons:
            raise GateClosedError(f"{record.ref} cannot be used:", reasons)

    def prove(self, record: VersionRecord, refused: str) -> str:
        """Hash a version's stored files again, and refuse files other than those registered.

        Args:
            record: whose files.
            refused: what does not come about with other files: "cannot be deployed".

        Returns:
            Their digest.

        Raises:
            GateClosedError: they differ or are missing, or the version must not be used.
            NoAccessError: the store denies access.
            UnavailableError: the object store does not answer; trying again may help.
        """
        reasons = self.unusable(record.uid) or self._differences(record)
        if reasons or record.manifest_digest is None:
            raise GateClosedError(f"{record.ref} {refused}:", reasons)
        return record.manifest_digest

    def _differences(self, record: VersionRecord) -> tuple[Reason, ...]:
        repair = f"acgs artifact repair {spelled(record.name, record.semver)}"
        fix = f"restore them ({repair}), or register the model again"
        readable = "readable files"
        try:
            found = self.current_manifest(record)
        except ArtifactError as err:
            return (Reason("artifact.unreadable", readable, err.message, fix),)
        if record.manifest_digest is None:
            never = "they could not be read when it was registered"
            return (Reason("artifact.unreadable", readable, never, "register the model again"),)
        if found.digest == record.manifest_digest:
            return ()
        what = self.described_difference(record, found)
        return (Reason("artifact.changed", "the registered files", what, fix),)

    def unusable(self, uid: str) -> tuple[Reason, ...]:
        """Say why a version must not be used: it is quarantined, or its files were freed."""
        with reading(self.engine) as connection:
            return custody_rows.unusable(connection, uid)

    def require_registered(self, record: VersionRecord, found: Manifest) -> None:
        """Refuse files other than those registered.

        Raises:
            ArtifactError: they differ; the message names the files.
        """
        if found.digest != record.manifest_digest:
            raise ArtifactError(
                f"{record.ref}: expected files with digest {record.manifest_digest}, "
                f"found {found.digest}: {self.described_difference(record, found)}",
                hint=f"acgs artifact repair {spelled(record.name, record.semver)} restores them; "
                "or register these as a new version",
            )

    def files_uri(self, record: VersionRecord) -> str:
        """Return the URI of the folder with a version's files.

        Raises:
            ArtifactError: its registration's source does not exist any more.
        """
        if record.storage_uri is not None:
            return record.storage_uri
        with reading(self.engine) as connection:
            return locations.storage_uri(connection, record.source)

    def registered_manifest(self, digest: str) -> Manifest | None:
        """Return a manifest that was recorded at registration."""
        with reading(self.engine) as connection:
            return manifests.find(connection, digest)

    def release_files(self, folder: Path) -> None:
        """Release the folder that `model_files` returned."""
        artifact_files.discard(self.settings, folder)

    def current_manifest(self, record: VersionRecord) -> Manifest:
        """Hash a version's current files, keeping no copy of remote ones.

        Raises:
            ArtifactError: they are missing.
            NoAccessError: the store denies access.
            UnavailableError: the object store does not answer; trying again may help.
        """
        return stored_files.manifest_at(self.settings, self.files_uri(record))

    def current_manifest_digest(self, record: VersionRecord) -> str | None:
        """Return the digest of a version's current files; None when they are missing."""
        try:
            return self.current_manifest(record).digest
        except ArtifactError:
            return None

    def described_difference(self, record: VersionRecord, found: Manifest) -> str:
        """Say which files differ from those registered, five at most."""
        if record.manifest_digest is None:
            return "no files were readable at registration"
        registered = self.registered_manifest(record.manifest_digest)
        if registered is None:
            return "the registered manifest is missing"
        return "; ".join(difference(registered, found)[:5])


def _unreadable(uri: str | None, err: Exception) -> Inspected:
    problem = err.message if isinstance(err, PlatformError) else str(err)
    refused = None
    if isinstance(err, NestingError | TooDeepError):
        hint = "log the model again with MLflow, and register that"
        refused = SourceRefusedError(problem, hint=hint)
    return Inspected(None, None, uri, problem, refused=refused)


def _inspected(files: StoredFiles, uri: str, uploads: Uploads) -> Inspected:
    manifest = files.manifest(uploads=uploads)
    entry = manifest.entry(artifact_files.MLMODEL)
    if entry is None:
        return Inspected(manifest, None, uri)
    read = partial(stored_files.beginning, files)
    data = uploads.content(entry.sha256)
    if data is None:
        data = read(entry, plain_yaml.MAX_BYTES)
    mlmodel = artifact_files.parsed_mlmodel(data)
    signature = Signature.from_mlmodel(mlmodel)
    if signature is not None:
        return Inspected(manifest, signature, uri)
    try:
        return Inspected(manifest, None, uri, "", read_columns(manifest, mlmodel, read))
    except ExampleUnreadableError as err:
        return Inspected(manifest, None, uri, example_problem=str(err))
