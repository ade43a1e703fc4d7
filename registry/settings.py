"""The registry's settings, and the addresses that follow from them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field

from infra.settings import Group, Settings, listed


class RegistrySettings(Group):
    """What is governed and by which document, and how the MLflow server answers."""

    constitutional_hash: str = Field(
        "cdd01ef066bc6cf2",
        validation_alias="CONSTITUTIONAL_HASH",
        description="Identifier of the constitution in force; compared, never computed.",
    )
    constitution: Path | None = Field(
        None,
        validation_alias="ACGS_CONSTITUTION",
        description="The constitution (YAML); empty means the one in the storage root, "
        "else the one shipped with the platform.",
    )
    evidence: Path | None = Field(
        None,
        validation_alias="ACGS_EVIDENCE",
        description="The evidence catalogue (YAML); empty means the one in the storage root.",
    )
    artifact_roots: str = Field(
        "",
        validation_alias="ACGS_ARTIFACT_ROOTS",
        description="Further places, separated by commas, in which the server lets versions of "
        "governed names be registered: folders or s3://bucket/prefix.",
    )
    port: int = Field(
        5000,
        ge=1,
        le=65535,
        validation_alias="ACGS_REGISTRY_PORT",
        description="Port of the MLflow server.",
    )
    body_limit_bytes: int = Field(
        16 << 20,
        ge=1 << 20,
        validation_alias="ACGS_REGISTRY_BODY_LIMIT_BYTES",
        description="Largest request body of the MLflow server, but for files: those are "
        "streamed, and may be of any size.",
    )
    gate_wait_seconds: float = Field(
        30.0,
        ge=0,
        le=110,
        validation_alias="ACGS_GATE_WAIT_SECONDS",
        description="How long a transition call waits for a machine's verdict before it "
        "answers 'pending'. MLflow clients give up at 120.",
    )
    model_memory_bytes: int = Field(
        6_000_000_000,
        ge=1_000_000_000,
        validation_alias="ACGS_MODEL_MEMORY_BYTES",
        description="Most memory, as address space, that one model may use while it is scored, "
        "and each of its servers.",
    )

    @property
    def further_artifact_roots(self) -> list[str]:
        """Places besides the server's own artifacts from which versions may be registered."""
        return listed(self.artifact_roots)

    def private_places(self) -> Iterable[Path | str]:
        """Return the constitution, the evidence and the further places of artifacts."""
        if self.constitution is not None:
            yield self.constitution
        if self.evidence is not None:
            # The datasets lie beside the catalogue.
            yield self.evidence.parent
        yield from self.further_artifact_roots


def tracking_url(settings: Settings) -> str:
    """Return the URL of the MLflow server."""
    return f"http://{settings.host}:{settings.of(RegistrySettings).port}"


def registry_uri(settings: Settings) -> str:
    """Return the URL of the database under the governed store's own scheme."""
    url = settings.sqlalchemy_url
    if url.startswith("postgresql+psycopg2://"):
        return "acgs+postgresql://" + url.removeprefix("postgresql+psycopg2://")
    return f"acgs+{url}"
