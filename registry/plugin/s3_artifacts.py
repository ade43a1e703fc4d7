"""Stores the artifact proxy's files in S3 through the platform's client.

MLflow's own client waits for minutes where no server answers, and its download of one file lists
the bucket first and answers a missing file with an internal error, which clients resend.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository

from infra.errors import UsageError
from infra.settings import Settings
from infra.stores import object_store
from registry.files.adapters.artifact_files import MLMODEL
from registry.files.adapters.hashing import hash_file
from registry.files.adapters.uploads import LONGEST_CONTENT_BYTES, Uploads, of_object
from registry.plugin.mlflow_errors import to_mlflow

MULTIPART_BYTES = 8 << 20
"""From this size on boto3 uploads in parts, of this size each."""


def install(settings: Settings, uploads: Uploads) -> None:
    """Let MLflow's server keep its artifacts through the platform's client, if they are in S3."""
    from mlflow.server import handlers

    if object_store.is_s3(settings.artifacts_destination):
        handlers._artifact_repo = ServerArtifacts(settings, uploads)


class ServerArtifacts(S3ArtifactRepository):
    """Stores everything below the artifact root. `artifact_errors` answers what boto3 raises."""

    def __init__(self, settings: Settings, uploads: Uploads) -> None:
        super().__init__(settings.artifacts_destination)
        self._client = object_store.client(settings)
        self._uploads = uploads

    def _get_s3_client(self) -> Any:
        return self._client

    def _upload_file(self, s3_client: Any, local_file: str, bucket: str, key: str) -> None:
        try:
            entry = hash_file(Path(local_file), key)
        except ValueError as err:  # a name that no folder could have, such as a//b
            raise to_mlflow(UsageError(f"expected a plain path of an artifact: {err}")) from err
        super()._upload_file(s3_client, local_file, bucket, key)
        etag = _etag(Path(local_file), entry.size_bytes)
        if Path(local_file).name == MLMODEL and entry.size_bytes <= LONGEST_CONTENT_BYTES:
            self._uploads.keep(Path(local_file).read_bytes())
        self._uploads.note(of_object(bucket, key, etag, entry.size_bytes), entry.sha256)

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None) -> str:
        """Download one file: the proxy asks a folder for nothing else."""
        if dst_path is None:
            return str(super().download_artifacts(artifact_path, dst_path))
        target = Path(dst_path) / artifact_path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._download_file(artifact_path, str(target))
        return str(target)


def _etag(file: Path, size_bytes: int) -> str:
    """Return the ETag that a store gives to these bytes.

    Asking the store would tell of what lies there by then. Stores that encrypt with keys of their
    own have other ETags: such objects are read when they are registered.
    """
    with file.open("rb") as content:
        parts = [_md5(part) for part in iter(partial(content.read, MULTIPART_BYTES), b"")]
    if size_bytes < MULTIPART_BYTES:
        return (parts[0] if parts else _md5(b"")).hex()
    return f"{_md5(b''.join(parts)).hex()}-{len(parts)}"


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()
