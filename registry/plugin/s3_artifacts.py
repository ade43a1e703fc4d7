"""The artifact proxy's S3 store: MLflow's, on the platform's client.

MLflow's own client waits for minutes where no server answers, and its download of one file lists
the bucket first and tells a missing file as an internal error, which clients resend.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository

from infra.settings import Settings
from infra.stores import object_store


def install(settings: Settings) -> None:
    """Let MLflow's server keep its artifacts through the platform's client, if they are in S3."""
    from mlflow.server import handlers

    if object_store.is_s3(settings.artifacts_destination):
        handlers._artifact_repo = ServerArtifacts(settings)


class ServerArtifacts(S3ArtifactRepository):
    """Everything below the platform's artifact root. `artifact_errors` tells what boto3 raises."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.artifacts_destination)
        self._client = object_store.client(settings)

    def _get_s3_client(self) -> Any:
        return self._client

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None) -> str:
        """Download one file, which is all that the proxy asks of a folder that it names."""
        if dst_path is None:
            return str(super().download_artifacts(artifact_path, dst_path))
        target = Path(dst_path) / artifact_path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._download_file(artifact_path, str(target))
        return str(target)
