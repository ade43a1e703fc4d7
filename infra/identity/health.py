"""Names the sources of callers' names in `acgs health`, and asks those that can be away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.component import Health, Probe
from infra.identity import open_mode
from infra.identity.settings import IdentitySettings

if TYPE_CHECKING:
    from infra.settings import Settings

NAME = "identity"


def probe(settings: Settings) -> Probe:
    """Report which sources are on."""
    return Probe(
        NAME, Health.OK, open_mode.notice(settings) or settings.of(IdentitySettings).identity
    )
