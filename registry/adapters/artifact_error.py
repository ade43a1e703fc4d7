"""What is wrong with a version's files: proven, not supposed."""

from __future__ import annotations

from infra.errors import PlatformError

RESTORE = "restore the files from a backup or a replica, or register the model again"


class ArtifactError(PlatformError):
    """A version's files are missing, or not what was registered."""

    code = "registry.artifact_invalid"


class NestingError(ArtifactError):
    """A model's folders or documents are nested deeper, or are larger, than is read."""

    code = "registry.artifact_nesting"

    def __init__(self, message: str) -> None:
        super().__init__(message, hint="log the model again with MLflow, which nests far less")
