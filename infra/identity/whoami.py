"""Says as whom the current caller is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.identity.current import current_principal
from infra.identity.open_mode import notice
from infra.identity.principal import NOBODY

if TYPE_CHECKING:
    from infra.settings import Settings


def whoami(settings: Settings) -> dict[str, Any]:
    """Return the caller's name, kind, groups and source, and what an open server says of names."""
    principal = current_principal() or NOBODY
    return {**principal.facts(), "notice": notice(settings) or None}
