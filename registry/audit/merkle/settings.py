"""The settings of the audit log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from infra.setting import Place, setting
from infra.settings import Settings

FOLDER = "audit-log"


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

    def private_places(self) -> Iterable[Path | str]:
        """Return the folder of the log."""
        if self.log is not None:
            yield self.log


def log_folder(settings: Settings) -> Path:
    """Return the folder of the audit log, which need not exist yet."""
    chosen = settings.of(AuditSettings).log
    return settings.storage_root / FOLDER if chosen is None else chosen.expanduser().absolute()
