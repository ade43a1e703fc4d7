"""Defines the errors about who is asking: one family, whose codes begin with `auth.`.

No message quotes a credential, nor says whether a user exists.
"""

from __future__ import annotations

from infra.errors import RefusedError, SettingsError, UnauthenticatedError, UnavailableError


class CredentialMissingError(UnauthenticatedError):
    """A request carries no credential that the server takes."""

    code = "auth.missing"


class CredentialMalformedError(UnauthenticatedError):
    """A credential is not written as its kind is."""

    code = "auth.malformed"


class CredentialsDifferError(UnauthenticatedError):
    """A request's credentials are those of different callers."""

    code = "auth.conflict"


class NameUnusableError(UnauthenticatedError):
    """A caller's name is empty, too long, reserved or holds characters that do not show."""

    code = "auth.name"


class OpenServerError(SettingsError):
    """A server that believes every name would be reachable from other machines."""

    code = "auth.open_server"


class IdentitySettingsError(SettingsError):
    """The settings of a source of identities contradict each other, or one is missing."""

    code = "auth.settings"


class OutOfScopeError(RefusedError):
    """A service token does not cover what its holder asks for."""

    code = "auth.scope"


class IdentitySourceError(UnavailableError):
    """What credentials are checked against did not answer; nobody is let in meanwhile."""

    code = "auth.unavailable"
