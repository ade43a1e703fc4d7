"""Puts the sources of callers' names together, as the settings say."""

from __future__ import annotations

from infra.component import Health, Probe
from infra.identity.bearer.source import JwtSource
from infra.identity.errors import IdentitySourceError
from infra.identity.own import OwnProcesses, own_token
from infra.identity.principal import Source
from infra.identity.proxy.source import ProxySource
from infra.identity.settings import IdentitySettings
from infra.identity.sources import Authenticator, Claims, Sources
from infra.settings import Settings
from registry.plugin.users.source import PasswordSource
from registry.tokens.source import TokenSource


def sources(settings: Settings) -> Sources:
    """Return the sources that are on, in the order in which they count.

    Raises:
        IdentitySettingsError: a source lacks a setting.
    """
    found = [_source(kind, settings) for kind in settings.of(IdentitySettings).sources]
    own = own_token(settings)
    return Sources([*found, OwnProcesses(own)] if own else found)


def probe(settings: Settings) -> Probe:
    """Report which sources are on, after a look at what they check against."""
    found = sources(settings)
    try:
        return Probe(
            "identity", Health.OK, "; ".join(filter(None, [one.check() for one in found.each]))
        )
    except IdentitySourceError as err:
        return Probe("identity", Health.FAILED, err.message)


def _source(kind: Source, settings: Settings) -> Authenticator:
    match kind:
        case Source.CLAIM:
            return Claims()
        case Source.JWT:
            return JwtSource.of(settings)
        case Source.PROXY:
            return ProxySource.of(settings)
        case Source.SERVICE_TOKEN:
            return TokenSource.of(settings)
        case Source.BASIC_AUTH:
            return PasswordSource()
        case Source.PLATFORM:
            raise ValueError("the platform's own token is on by itself")
