"""Puts the sources of callers' names together, as the settings say."""

from __future__ import annotations

from infra.identity.principal import Source
from infra.identity.settings import IdentitySettings
from infra.identity.sources import Authenticator, Claims, Sources
from infra.settings import Settings


def sources(settings: Settings) -> Sources:
    """Return the sources that are on, in the order in which they count."""
    return Sources([_source(kind) for kind in settings.of(IdentitySettings).sources])


def _source(kind: Source) -> Authenticator:
    match kind:
        case Source.CLAIM:
            return Claims()
        case _:
            raise NotImplementedError(kind)
