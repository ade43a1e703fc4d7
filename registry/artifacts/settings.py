"""The settings of artifact keeping."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from infra.setting import number, setting, whole
from infra.settings import PLACES


@dataclass(frozen=True)
class ArtifactSettings:
    """Where copies of files go, how long files are kept, and how often they are hashed."""

    replica: str = setting(
        "ACGS_ARTIFACT_REPLICA",
        "",
        "Second place for the files of registered versions: a folder or "
        "s3://bucket/prefix; empty means none.",
        PLACES,
    )
    retention_days: int = setting(
        "ACGS_ARTIFACT_RETENTION_DAYS",
        90,
        "How long the files of a version that nothing needs are kept.",
        whole(at_least=1),
    )
    scrub_days: float = setting(
        "ACGS_ARTIFACT_SCRUB_DAYS",
        7.0,
        "How often the background role hashes each version's files again.",
        number(more_than=0),
    )
    scrub_mb_per_second: float = setting(
        "ACGS_ARTIFACT_SCRUB_MB_PER_SECOND",
        20.0,
        "How fast the background role reads while it hashes, in MB/s.",
        number(more_than=0),
    )

    def private_places(self) -> Iterable[Path | str]:
        """Return the place of the copies."""
        return (self.replica,)
