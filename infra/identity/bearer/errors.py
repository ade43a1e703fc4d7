"""Defines what can be wrong with a JWT; each is answered 401."""

from __future__ import annotations

from infra.errors import UnauthenticatedError


class TokenExpiredError(UnauthenticatedError):
    """A token's time is over."""

    code = "auth.expired"


class TokenNotYetValidError(UnauthenticatedError):
    """A token's time has not begun."""

    code = "auth.not_yet_valid"


class WrongAudienceError(UnauthenticatedError):
    """A token was made for another server."""

    code = "auth.audience"


class WrongIssuerError(UnauthenticatedError):
    """A token was made by somebody whom this server does not trust."""

    code = "auth.issuer"


class WrongSignatureError(UnauthenticatedError):
    """A token was changed, or signed with another key than it says."""

    code = "auth.signature"


class WrongAlgorithmError(UnauthenticatedError):
    """A token is signed in a way that this server does not take, or not at all."""

    code = "auth.algorithm"


class UnknownKeyError(UnauthenticatedError):
    """A token names no key, or one that its issuer does not publish."""

    code = "auth.key"


class WrongClaimsError(UnauthenticatedError):
    """A token lacks a claim, or has one of another form."""

    code = "auth.claims"
