"""The registry's settings, and the addresses that follow from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from infra.setting import PORT, Place, Text, number, setting, whole
from infra.settings import PLACES, Settings, listed


@dataclass(frozen=True)
class RegistrySettings:
    """What is governed and by which document, and how the MLflow server answers."""

    constitutional_hash: str = setting(
        "CONSTITUTIONAL_HASH",
        "cdd01ef066bc6cf2",
        "Identifier of the constitution in force; compared, never computed.",
        Text(),
    )
    constitution: Path | None = setting(
        "ACGS_CONSTITUTION",
        None,
        "The constitution (YAML); empty means the one in the storage root, "
        "else the one shipped with the platform.",
        Place(),
    )
    evidence: Path | None = setting(
        "ACGS_EVIDENCE",
        None,
        "The evidence catalogue (YAML); empty means the one in the storage root.",
        Place(),
    )
    artifact_roots: str = setting(
        "ACGS_ARTIFACT_ROOTS",
        "",
        "Further places, separated by commas, in which the server lets experiments be "
        "kept, and versions of governed names be registered: folders or s3://bucket/prefix.",
        PLACES,
    )
    port: int = setting(
        "ACGS_REGISTRY_PORT",
        5000,
        "Port of the MLflow server.",
        PORT,
    )
    body_limit_bytes: int = setting(
        "ACGS_REGISTRY_BODY_LIMIT_BYTES",
        16 << 20,
        "Largest request body of the MLflow server, but for files: those are "
        "streamed, and may be of any size.",
        whole(at_least=1 << 20),
    )
    gate_wait_seconds: float = setting(
        "ACGS_GATE_WAIT_SECONDS",
        30.0,
        "How long a transition call waits for a machine's verdict before it "
        "answers 'pending'. MLflow clients give up at 120.",
        number(at_least=0, at_most=110),
    )
    model_memory_bytes: int = setting(
        "ACGS_MODEL_MEMORY_BYTES",
        6_000_000_000,
        "Most memory, as address space, that one model may use while it is scored, "
        "and each of its servers.",
        whole(at_least=1_000_000_000),
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
