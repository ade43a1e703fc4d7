"""Checks that the database's schema is the one this version expects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.errors import PlatformError

if TYPE_CHECKING:
    from infra.settings import Settings


class SchemaDriftError(PlatformError):
    """Somebody changed the database's schema by hand, or an upgrade did not run."""

    code = "infra.schema_drift"


def revisions(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return each component's revision in the database, the newest, and all that are known.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    from infra.component import components
    from infra.stores import migrations

    found = migrations.current(settings)
    owners = [component for component in components() if component.migrations is not None]
    known = {owner.name: migrations.revisions(owner) for owner in owners}
    return {
        name: {"revision": found[name], "newest": names[-1], "known": list(names)}
        for name, names in known.items()
    }


def require_no_drift(settings: Settings) -> str:
    """Compare the database with what this version expects; return what was compared.

    Raises:
        SchemaDriftError: they differ; names each difference.
        UnavailableError: the database cannot be reached.
    """
    from infra.stores import migrations

    found = migrations.differences(settings)
    if found:
        text = "; ".join(f"{owner}: {line}" for owner, lines in found.items() for line in lines)
        raise SchemaDriftError(
            f"the database's schema is not the one this version expects: {text}",
            hint="where only the revision is older: acgs prepare; else somebody changed the schema "
            "by hand: undo that, or restore a backup",
        )
    return "as this version expects"
