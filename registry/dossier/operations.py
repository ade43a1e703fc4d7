"""Makes dossiers for those who may read the model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from infra.clock import moment, utc_now
from infra.component import Operation
from infra.operation_arguments import Asked, flag, no_others, text
from infra.settings import Settings
from registry.access.domain.verbs import Verb
from registry.access.permitted import permitted
from registry.bootstrap import open_registry
from registry.dossier.errors import TimeInvalidError
from registry.dossier.making import Dossiers


def operations(settings: Settings) -> Mapping[str, Operation]:
    """Return the operations; nothing is opened until the first is carried out."""
    registry = open_registry(settings)
    dossiers = Dossiers(registry.engine, settings)

    def make(asked: Asked) -> dict[str, Any]:
        no_others(asked, "name", "version", "at", "dry_run")
        name, version = text(asked, "name"), text(asked, "version")
        at = parse_moment(text(asked, "at", ""), utc_now())
        permitted(registry.access, Verb.READ, name)
        made = dossiers.make(name, version, at)
        return {
            "name": name,
            "semver": made.version,
            "at": moment(made.dossier.at_ms),
            "events": len(made.dossier.entries),
            "dossier": None if flag(asked, "dry_run") else dossiers.sign(made).decode(),
        }

    return {"make": make}


def parse_moment(written: str, now: datetime) -> datetime:
    """Read a time as RFC 3339 has it; without a zone it is in UTC, and empty it is now.

    Raises:
        TimeInvalidError: it is none, or lies in the future.
    """
    if not written.strip():
        return now
    try:
        found = datetime.fromisoformat(written.strip())
        at = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError) as err:
        raise TimeInvalidError(
            f"expected a time as 2026-03-03T12:00 (UTC) or 2026-03-03T13:00+01:00, found "
            f"{written[:60]!r}"
        ) from err
    if at > now:
        raise TimeInvalidError(
            f"expected a time up to now, {now.isoformat(timespec='seconds')}, found "
            f"{written[:60]!r}",
            hint="leave --at out for now",
        )
    return at
