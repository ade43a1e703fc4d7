"""Reads one small text file of a version, proven to be the registered one."""

from __future__ import annotations

import hashlib
from urllib.parse import urlparse

from infra.errors import NotFoundError
from infra.settings import Settings
from infra.stores.object_store import ObjectStore, is_s3
from registry.errors import ArtifactError
from registry.files.adapters import locations
from registry.files.domain.manifest import FileEntry

MAX_BYTES = 1 << 20


def read_text(settings: Settings, uri: str, entry: FileEntry) -> str:
    """Read a registered file.

    Raises:
        ArtifactError: it is missing, too large, not text, or not what was registered.
    """
    if entry.size_bytes > MAX_BYTES:
        raise ArtifactError(f"expected {entry.path} of up to {MAX_BYTES} bytes, found more")
    data = _read(settings, uri, entry.path)
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise ArtifactError(f"expected {entry.path} as registered, found it changed")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as err:
        raise ArtifactError(f"expected {entry.path} to be text: {err}") from err


def _read(settings: Settings, uri: str, path: str) -> bytes:
    folder = locations.local_folder(settings, uri)
    if folder is not None:
        try:
            return (folder / path).read_bytes()
        except OSError as err:
            raise ArtifactError(f"cannot read {path}: {err.strerror}") from err
    parsed = urlparse(uri)
    if parsed.scheme == "mlflow-artifacts":
        uri = settings.artifacts_destination.rstrip("/") + "/" + parsed.path.lstrip("/")
    if not is_s3(uri):
        raise ArtifactError(f"cannot read single files at {uri}")
    try:
        return ObjectStore.of(settings, uri).read(path)
    except NotFoundError as err:
        raise ArtifactError(f"cannot read {path}: {err.message}", hint=err.hint) from err
