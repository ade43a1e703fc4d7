"""Reads an artifact's files in their store piece by piece, and writes them whole.

A folder of this machine or the objects below a prefix. Hashing an artifact in an object store
streams it: no copy is kept.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from infra.errors import NotFoundError, UsageError, storage_error
from infra.settings import Settings
from infra.stores.object_store import Entry, ObjectStore, is_s3
from registry.errors import RESTORE, ArtifactError
from registry.files.adapters import artifact_files, hashing, locations
from registry.files.adapters.local_reading import require_folder, unread
from registry.files.adapters.uploads import Uploads, of_object
from registry.files.domain.manifest import FileEntry, Manifest, require_apart, require_plain

S3_STREAMS = 8
DRAFT = ".acgs-draft-"
"""Prefix of a file that is still being written; such a file belongs to no version."""


class StoredFiles(Protocol):
    """Reads and writes one artifact's files in their store."""

    def manifest(
        self, pace: hashing.Pace | None = None, uploads: Uploads | None = None
    ) -> Manifest:
        """Hash every file.

        Args:
            pace: called with the number of bytes read.
            uploads: digests of objects that need not be read; for a registration only. A folder's
                files are read all the same: a process that has one open or mapped can change it
                without a trace in what the file system says of it.

        Raises:
            ArtifactError: there is none, or one was deleted while it was read.
            NoAccessError: the store denies access.
            UnavailableError: the object store does not answer; trying again may help.
        """
        ...

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield a file's content."""
        ...

    def put(self, name: str, source: Path) -> None:
        """Replace a file's content with another file's; readers see the old or the new content."""
        ...

    def remove(self, name: str) -> None:
        """Delete a file; a missing file already counts as deleted."""
        ...

    def set_links_aside(self, folder: Path) -> tuple[str, ...]:
        """Move what is not a plain file (a link, a pipe) into a folder; return its names."""
        ...


class LocalFiles:
    """Files in a local folder; `root` is the root of the store that contains it."""

    def __init__(self, folder: Path, root: Path | None = None) -> None:
        self.folder = folder
        self.root = root

    def manifest(
        self, pace: hashing.Pace | None = None, uploads: Uploads | None = None
    ) -> Manifest:
        """Hash every file below the folder."""
        del uploads
        require_folder(self.folder, self.root)
        return artifact_files.build_manifest(self.folder, pace)

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield a file's content."""
        try:
            with self._path(name).open("rb") as file:
                while chunk := file.read(hashing.CHUNK_BYTES):
                    yield chunk
        except OSError as err:
            require_folder(self.folder, self.root)
            raise unread(err, f"{name} in {self.folder}") from err

    def put(self, name: str, source: Path) -> None:
        """Write a file beside the old one, then rename it."""
        path = self._path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, source)
        except OSError as err:
            raise storage_error(err, path) or err from err

    def remove(self, name: str) -> None:
        """Delete a file, and the folders that this leaves empty."""
        path = self._path(name)
        path.unlink(missing_ok=True)
        for parent in path.parents:
            if parent == self.folder or not parent.is_relative_to(self.folder):
                break
            with suppress(OSError):
                parent.rmdir()

    def set_links_aside(self, folder: Path) -> tuple[str, ...]:
        """Move links and special files aside: no manifest has them. Links are not followed."""
        odd = _odd_below(self.folder)
        for path in odd:
            target = folder / path.relative_to(self.folder)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.move(path, target)
        return tuple(path.relative_to(self.folder).as_posix() for path in odd)

    def _path(self, name: str) -> Path:
        require_plain(name)
        return self.folder / name


def _odd_below(folder: Path) -> list[Path]:
    """List links and special files below a folder, at any depth: `os.walk` recurses.

    A folder that cannot be listed is left out, as one that is missing is.
    """
    found, waiting = [], [folder]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as items:
            for item in items:
                if item.is_dir(follow_symlinks=False):
                    waiting.append(Path(item.path))
                elif not item.is_file(follow_symlinks=False):
                    found.append(Path(item.path))
    return found


class S3Files:
    """Objects below one prefix of a bucket."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def manifest(
        self, pace: hashing.Pace | None = None, uploads: Uploads | None = None
    ) -> Manifest:
        """Stream and hash every object below the prefix."""
        try:
            # A key that ends in a slash is how some tools note an empty folder.
            entries = [e for e in self.store.entries() if not e.key.endswith("/") or e.size_bytes]
            for entry in entries:
                artifact_files.require_shallow(entry.key)
                artifact_files.require_short_names(entry.key)
            require_apart([entry.key for entry in entries])
            known = [found for e in entries if (found := self._known(e, uploads)) is not None]
            paths = {file.path for file in known}
            jobs = [
                (e.size_bytes, partial(self._entry, e.key, pace))
                for e in entries
                if e.key not in paths
            ]
            manifest = Manifest.of([*known, *hashing.hash_all(jobs, S3_STREAMS)])
        except ValueError as err:
            raise ArtifactError(f"{self.store.location}: {err}") from err
        except (NotFoundError, UsageError) as err:
            where = f"the model's files at {self.store.location}"
            raise ArtifactError(
                f"cannot read {where}: {err.message}", hint=err.hint or RESTORE
            ) from err
        if not entries:
            raise ArtifactError(
                f"expected the model's files at {self.store.location}, found none", hint=RESTORE
            )
        return manifest

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield an object's content."""
        return self.store.chunks(name, hashing.CHUNK_BYTES)

    def put(self, name: str, source: Path) -> None:
        """Upload an object; S3 shows an object whole or not at all."""
        require_plain(name)
        self.store.upload(source, name)

    def remove(self, name: str) -> None:
        """Delete an object."""
        require_plain(name)
        self.store.delete([name])

    def set_links_aside(self, folder: Path) -> tuple[str, ...]:
        """Return nothing: objects are plain files."""
        del folder
        return ()

    def _known(self, entry: Entry, uploads: Uploads | None) -> FileEntry | None:
        if uploads is None or not entry.etag:
            # Without an ETag, other content of the same size would pass for what was uploaded.
            return None
        at = self.store.location
        stamp = of_object(at.bucket, at.key(entry.key), entry.etag, entry.size_bytes)
        sha256 = uploads.sha256(stamp)
        return FileEntry(entry.key, entry.size_bytes, sha256) if sha256 else None

    def _entry(self, key: str, pace: hashing.Pace | None) -> FileEntry:
        return hashing.hash_chunks(key, self.chunks(key), pace)


def open_files(settings: Settings, uri: str) -> StoredFiles | None:
    """Return the files behind a URI; None for a store that only MLflow can read.

    Raises:
        ArtifactError: the URI names no place in a store.
    """
    folder = locations.local_folder(settings, uri)
    if folder is not None:
        return LocalFiles(folder, locations.local_root(settings))
    at = locations.behind_proxy(settings, uri)
    if not is_s3(at):
        return None
    try:
        return S3Files(ObjectStore.of(settings, at))
    except UsageError as err:
        raise ArtifactError(f"cannot read the model's files at {at}: {err.message}") from err


@contextmanager
def opened(settings: Settings, uri: str) -> Iterator[StoredFiles]:
    """Hold the files behind a URI for the block; what only MLflow can read is fetched first.

    Raises:
        ArtifactError: MLflow cannot fetch them.
    """
    files = open_files(settings, uri)
    if files is not None:
        yield files
        return
    folder = artifact_files.fetch(settings, uri)
    try:
        yield LocalFiles(folder)
    finally:
        artifact_files.discard(settings, folder)


def manifest_at(settings: Settings, uri: str, pace: hashing.Pace | None = None) -> Manifest:
    """Hash the current files behind a URI.

    Raises:
        ArtifactError: they are missing.
        NoAccessError: the store denies access.
        UnavailableError: the object store does not answer; trying again may help.
    """
    with opened(settings, uri) as files:
        return files.manifest(pace)


def beginning(files: StoredFiles, entry: FileEntry, limit_bytes: int) -> bytes:
    """Read a file that was just hashed, or one byte more than the limit of a longer one.

    Raises:
        ArtifactError: it is gone, or changed since it was hashed.
    """
    data = bytearray()
    try:
        for chunk in files.chunks(entry.path):
            data += chunk
            if len(data) > limit_bytes:
                return bytes(data[: limit_bytes + 1])
    except NotFoundError as err:
        raise ArtifactError(f"cannot read {entry.path}: {err.message}", hint=err.hint) from err
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise ArtifactError(f"expected {entry.path} as it was hashed, found it changed meanwhile")
    return bytes(data)


def write_whole(path: Path, source: Path) -> None:
    """Copy a file so that readers of `path` see the old or the new content, never a part."""
    handle, draft = tempfile.mkstemp(prefix=DRAFT, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as target, source.open("rb") as content:
            while chunk := content.read(hashing.CHUNK_BYTES):
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
