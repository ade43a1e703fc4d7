"""The settings of artifact keeping."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field

from infra.settings import Group


class ArtifactSettings(Group):
    """Where copies of files go, how long files are kept, and how often they are hashed."""

    replica: str = Field(
        "",
        validation_alias="ACGS_ARTIFACT_REPLICA",
        description="Second place for the files of registered versions: a folder or "
        "s3://bucket/prefix; empty means none.",
    )
    retention_days: int = Field(
        90,
        ge=1,
        validation_alias="ACGS_ARTIFACT_RETENTION_DAYS",
        description="How long the files of a version that nothing needs are kept.",
    )
    scrub_days: float = Field(
        7.0,
        gt=0,
        validation_alias="ACGS_ARTIFACT_SCRUB_DAYS",
        description="How often the background role hashes each version's files again.",
    )
    scrub_mb_per_second: float = Field(
        20.0,
        gt=0,
        validation_alias="ACGS_ARTIFACT_SCRUB_MB_PER_SECOND",
        description="How fast the background role reads while it hashes, in MB/s.",
    )

    def private_places(self) -> Iterable[Path | str]:
        """Return the place of the copies."""
        return (self.replica,)
