"""The artifact proxy's folder: MLflow's, which hashes what it stores as it arrives."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextvars import ContextVar
from typing import Any

from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from infra.settings import Settings
from registry.files.adapters.locations import local_root
from registry.files.adapters.uploads import Uploads, of_file

_arriving: ContextVar[Any] = ContextVar("arriving", default=None)
"""SHA-256 of the upload that this task or its threads store."""


def install(settings: Settings, uploads: Uploads) -> None:
    """Let MLflow's server note what it stores, if it stores it in a folder."""
    from mlflow.server import handlers

    if local_root(settings) is not None:
        handlers._artifact_repo = FolderArtifacts(settings.artifacts_destination, uploads)


class FolderArtifacts(LocalArtifactRepository):
    """Everything below the platform's artifact root."""

    def __init__(self, artifact_uri: str, uploads: Uploads) -> None:
        super().__init__(artifact_uri)
        self._uploads = uploads

    async def log_artifact_from_async_stream(
        self,
        chunks: AsyncIterable[bytes],
        artifact_file_name: str,
        artifact_path: str | None = None,
    ) -> None:
        """Store an upload."""
        digest = hashlib.sha256()

        async def hashed() -> AsyncIterator[bytes]:
            async for chunk in chunks:
                digest.update(chunk)
                yield chunk

        token = _arriving.set(digest)
        try:
            await super().log_artifact_from_async_stream(
                hashed(), artifact_file_name, artifact_path
            )
        finally:
            _arriving.reset(token)

    def _publish_staged_artifact(
        self,
        temp_file_path: str,
        destination_file_path: str,
        finalize_temp_path: Callable[[str], None] | None = None,
    ) -> None:
        stored = os.stat(temp_file_path)
        super()._publish_staged_artifact(temp_file_path, destination_file_path, finalize_temp_path)
        digest = _arriving.get()
        if digest is None:
            return
        with contextlib.suppress(OSError):
            found = os.stat(destination_file_path)
            # Another upload may have taken the place of this one already.
            if (found.st_dev, found.st_ino) == (stored.st_dev, stored.st_ino):
                self._uploads.note(of_file(found), digest.hexdigest())
