"""The settings of the audit log and of a witness."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from infra import loopback
from infra.setting import PORT, Place, Text, setting
from infra.settings import Settings

FOLDER = "audit-log"


def _witness(text: str) -> None:
    parts = urlsplit(text)
    is_own = parts.scheme == "http" and parts.hostname in loopback.HOSTS
    if text and not (parts.hostname and (is_own or parts.scheme == "https")):
        raise ValueError(text)
    if parts.port == 0:  # reading it raises for what is no port
        raise ValueError(text)


@dataclass(frozen=True)
class AuditSettings:
    """Where the audit log's files go."""

    log: Path | None = setting(
        "ACGS_AUDIT_LOG",
        None,
        "Folder for the audit log's entries and checkpoints, best on another disk than the "
        "database; empty means one in the storage root.",
        Place(),
    )

    witness: str = setting(
        "ACGS_AUDIT_WITNESS",
        "",
        "URL of the witness that cosigns checkpoints: https, or http on this machine; empty "
        "means none.",
        Text("a URL that begins with https://, or with http:// and a loopback name", _witness),
    )
    witness_key: str = setting(
        "ACGS_AUDIT_WITNESS_KEY",
        "",
        "Public key of the witness: a file, or its line NAME+ID+KEY.",
        Text(),
    )

    mirror: str = setting(
        "ACGS_AUDIT_MIRROR",
        "",
        "Second place for the audit log, where nothing is overwritten: a folder, or "
        "s3://bucket/prefix, best with object lock; empty means none.",
        Text(),
    )

    def private_places(self) -> Iterable[Path | str]:
        """Return the folder of the log, and its mirror."""
        if self.log is not None:
            yield self.log
        yield self.mirror


@dataclass(frozen=True)
class WitnessSettings:
    """Which logs the role `witness` cosigns, and where it listens."""

    log_keys: str = setting(
        "ACGS_WITNESS_LOGS",
        "",
        "Public keys of the audit logs to watch, separated by commas: files, or lines NAME+ID+KEY.",
        Text(),
    )
    port: int = setting("ACGS_WITNESS_PORT", 5010, "Port of the witness.", PORT)


def witness_url(settings: Settings) -> str:
    """Return the URL of this installation's own witness."""
    return f"http://{settings.host}:{settings.of(WitnessSettings).port}"


def log_folder(settings: Settings) -> Path:
    """Return the folder of the audit log, which need not exist yet."""
    chosen = settings.of(AuditSettings).log
    return settings.storage_root / FOLDER if chosen is None else chosen.expanduser().absolute()
