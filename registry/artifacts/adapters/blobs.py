"""Keeps the replica: each content once, under its own SHA-256, however many versions use it.

A blob is written under another name and renamed (an object appears whole by itself), read back
and hashed before anybody counts on it. Writing the same content twice changes nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

import zstandard

from infra.errors import NotFoundError
from infra.settings import Settings
from infra.stores.object_store import ObjectStore, is_s3
from registry.artifacts.adapters import compression
from registry.artifacts.adapters.compression import Encoding
from registry.artifacts.errors import ReplicaError
from registry.artifacts.settings import ArtifactSettings
from registry.errors import RESTORE, ArtifactError
from registry.files.adapters import hashing
from registry.files.adapters.local_reading import unread
from registry.files.adapters.stored_files import LocalFiles, S3Files, StoredFiles
from registry.files.domain.manifest import FileEntry

_LOST = (NotFoundError, ArtifactError, zstandard.ZstdError)
"""Errors that prove a blob missing or damaged; denied access proves nothing."""


@dataclass(frozen=True, slots=True)
class Blob:
    """Describes content that is in the replica."""

    sha256: str
    size_bytes: int
    stored_bytes: int
    encoding: Encoding


class Replica:
    """Reads and writes one replica."""

    def __init__(self, settings: Settings, files: StoredFiles, location: str) -> None:
        self._settings = settings
        self._files = files
        self.location = location
        self.id = hashlib.sha256(location.encode()).hexdigest()

    @classmethod
    def of(cls, settings: Settings) -> Replica | None:
        """Open the replica that the settings name; None when they name none."""
        where = settings.of(ArtifactSettings).replica
        if not where:
            return None
        if is_s3(where):
            return cls(settings, S3Files(ObjectStore.of(settings, where)), where.rstrip("/"))
        parsed = urlparse(where)
        if parsed.scheme not in {"", "file"}:
            raise ReplicaError(
                f"ACGS_ARTIFACT_REPLICA: expected a folder or s3://bucket/prefix, found {where}"
            )
        folder = Path(unquote(parsed.path) if parsed.scheme else where).expanduser().absolute()
        return cls(settings, LocalFiles(folder, root=folder), str(folder))

    def add(self, source: StoredFiles, file: FileEntry) -> Blob:
        """Copy one registered file, and prove the copy by reading it back.

        Raises:
            ArtifactError: the source is not what the entry says; nothing of it is kept.
        """
        with self._work() as folder:
            plain = local_copy(source, file.path, folder / "plain")
            encoding = compression.choose(plain)
            stored = plain
            if encoding is Encoding.ZSTD:
                stored = folder / "packed"
                compression.compress(plain, stored)
            blob = Blob(file.sha256, file.size_bytes, stored.stat().st_size, encoding)
            self._files.put(name_of(blob), stored)
        if not self.holds(blob):
            self.remove(blob)
            raise ArtifactError(
                f"{file.path}: expected content {file.sha256}, found other in the source",
                hint="acgs artifact scrub says what changed",
            )
        return blob

    def holds(self, blob: Blob, pace: hashing.Pace | None = None) -> bool:
        """Return whether a blob exists and matches its name; reads all of it.

        Raises:
            NoAccessError: the replica denies access.
            UnavailableError: the replica does not answer.
        """
        try:
            found = hashing.hash_chunks("blob", self.chunks(blob), pace)
        except _LOST:
            return False
        return found.sha256 == blob.sha256

    def chunks(self, blob: Blob) -> Iterator[bytes]:
        """Yield a blob's content as it was in the version."""
        return compression.decoded(self._files.chunks(name_of(blob)), blob.encoding)

    def fetch(self, blob: Blob, target: Path) -> bool:
        """Write a blob's content to a file. Returns False and leaves no file if it is wrong.

        Raises:
            NoAccessError: the replica denies access.
            UnavailableError: the replica does not answer.
        """
        digest = hashlib.sha256()
        try:
            with target.open("wb") as file:
                for chunk in self.chunks(blob):
                    digest.update(chunk)
                    file.write(chunk)
        except _LOST:
            target.unlink()
            return False
        if digest.hexdigest() != blob.sha256:
            target.unlink()
            return False
        return True

    def remove(self, blob: Blob) -> None:
        """Delete a blob."""
        self._files.remove(name_of(blob))

    @contextmanager
    def _work(self) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(prefix="replica-", dir=self._settings.folder("downloads")))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def name_of(blob: Blob) -> str:
    """Return a blob's name in the replica."""
    return f"sha256/{blob.sha256[:2]}/{blob.sha256}{blob.encoding.suffix}"


def local_copy(source: StoredFiles, name: str, target: Path) -> Path:
    """Yield a local file with a stored file's content: the stored file itself if it is local."""
    match source:
        case LocalFiles():
            path = source.folder / name
            try:
                if path.is_symlink() or not path.is_file():
                    raise ArtifactError(
                        f"expected the file {name} in {source.folder}, found none", hint=RESTORE
                    )
                path.open("rb").close()
            except OSError as err:
                raise unread(err, f"{name} in {source.folder}") from err
            return path
        case S3Files():
            source.store.download(name, target)
        case _:
            with target.open("wb") as file:
                for chunk in source.chunks(name):
                    file.write(chunk)
                os.fsync(file.fileno())
    return target
