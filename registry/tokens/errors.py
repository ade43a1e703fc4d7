"""Defines the errors of service tokens."""

from __future__ import annotations

from infra.errors import NotFoundError, UnauthenticatedError


class TokenUnknownError(UnauthenticatedError):
    """A service token is none that this server made."""

    code = "auth.token_unknown"


class TokenRevokedError(UnauthenticatedError):
    """A service token was revoked."""

    code = "auth.token_revoked"


class TokenOverError(UnauthenticatedError):
    """A service token's time is over."""

    code = "auth.token_expired"


class NoSuchTokenError(NotFoundError):
    """There is no service token of this id or name."""

    code = "registry.unknown_token"
