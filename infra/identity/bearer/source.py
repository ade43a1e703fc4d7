"""Authenticates bearer tokens that are JWTs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from infra.errors import UnauthenticatedError
from infra.identity.asked import Asked, Bearer
from infra.identity.bearer.claims import principal_of
from infra.identity.bearer.errors import (
    TokenExpiredError,
    TokenNotYetValidError,
    UnknownKeyError,
    WrongAlgorithmError,
    WrongAudienceError,
    WrongClaimsError,
    WrongIssuerError,
    WrongSignatureError,
)
from infra.identity.bearer.jwks import KeySet, fetcher
from infra.identity.bearer.memory import Memory, Proven
from infra.identity.bearer.settings import JwtSettings
from infra.identity.errors import CredentialMalformedError
from infra.identity.principal import Principal, Source
from infra.identity.settings import required
from infra.settings import Settings, listed

LONGEST_TOKEN = 12 << 10
"""In characters. The server takes 16 KiB of headers."""
_TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
"""Others, such as a logout token's, are no proof of who asks."""
_NEW = "get a new token from the issuer"
_REFUSALS: Mapping[type[jwt.PyJWTError], tuple[type[UnauthenticatedError], str]] = {
    jwt.ExpiredSignatureError: (TokenExpiredError, "a token that is still valid, found an expired"),
    jwt.ImmatureSignatureError: (
        TokenNotYetValidError,
        "a token that is valid already, found one of a later time",
    ),
    jwt.InvalidAudienceError: (
        WrongAudienceError,
        "a token for this server, found one for another audience",
    ),
    jwt.InvalidIssuerError: (WrongIssuerError, "a token of ACGS_JWT_ISSUER, found another's"),
    jwt.InvalidSignatureError: (
        WrongSignatureError,
        "a token signed with the key that it names, found another signature",
    ),
    jwt.MissingRequiredClaimError: (
        WrongClaimsError,
        "the claims exp, iss, aud and sub, found that one is missing",
    ),
}


_LAST_SECOND = 2**40
"""Some 35,000 years from 1970: later times end as late, and no clock can hold them."""


@dataclass(frozen=True, slots=True)
class JwtSource:
    """Takes tokens of one issuer for one audience."""

    keys: KeySet
    issuer: str
    audience: tuple[str, ...]
    algorithms: frozenset[str]
    leeway_seconds: float
    name_claim: str
    groups_claim: str
    memory: Memory = field(default_factory=Memory)
    source = Source.JWT
    challenge = 'Bearer realm="acgs"'
    hidden_headers: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> JwtSource:
        """Return the source that the settings describe.

        Raises:
            IdentitySettingsError: issuer, audience or keys are missing.
        """
        given = settings.of(JwtSettings)
        audience = required("ACGS_JWT_AUDIENCE", given.audience, Source.JWT)
        location = required("ACGS_JWT_JWKS", given.jwks, Source.JWT)
        return cls(
            KeySet(fetcher(location), given.cache_seconds),
            required("ACGS_JWT_ISSUER", given.issuer, Source.JWT),
            tuple(listed(audience)),
            frozenset(listed(given.algorithms)),
            given.leeway_seconds,
            given.name_claim,
            given.groups_claim,
        )

    def check(self) -> str:
        """Name the issuer, after a look at its keys."""
        return f"jwt: {self.issuer}, keys: {self.keys.ask()}"

    def blocks(self, asked: Asked) -> bool:
        """Whether the issuer's keys have to be looked at first."""
        token = _token(asked)
        if token is None or self.memory.find(token, self.keys.known) is not None:
            return False
        try:
            return not self.keys.has(self._kid(token))
        except UnauthenticatedError:
            return False

    def authenticate(self, asked: Asked) -> Principal | None:
        """Return whom a token is about.

        Raises:
            UnauthenticatedError: the token does not hold; the class says why.
            IdentitySourceError: the issuer's keys cannot be read now.
        """
        token = _token(asked)
        if token is None:
            return None
        known = self.memory.find(token, self.keys.known)
        if known is not None:
            return known
        kid, algorithm = self._kid(token), self._algorithm(token)
        key = self.keys.get(kid)
        if algorithm not in key.algorithms:
            raise WrongAlgorithmError(
                f"expected the algorithm of the key, found {algorithm}", hint=_NEW
            )
        claims = self._claims(token, key.key, algorithm)
        principal = principal_of(claims, self.name_claim, self.groups_claim)
        # As the library reads it: a text of digits is a time too.
        ends = min(int(claims["exp"]), _LAST_SECOND) + self.leeway_seconds
        self.memory.keep(token, Proven(principal, kid, key, ends))
        return principal

    def _claims(self, token: str, key: Any, algorithm: str) -> Mapping[str, Any]:
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self.audience,
                issuer=self.issuer,
                leeway=self.leeway_seconds,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as err:
            for kind, (refusal, expected) in _REFUSALS.items():
                if isinstance(err, kind):
                    raise refusal(f"expected {expected}", hint=_NEW) from err
            raise CredentialMalformedError("expected a JWT, found another form", hint=_NEW) from err

    def _algorithm(self, token: str) -> str:
        header = _header(token)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self.algorithms:
            raise WrongAlgorithmError(
                f"expected a token signed with {' or '.join(sorted(self.algorithms))}, "
                f"found {str(algorithm)[:20]!r}",
                hint="have the issuer sign with one of them, or set ACGS_JWT_ALGORITHMS",
            )
        if "crit" in header or str(header.get("typ", "")).lower() not in _TYPES:
            raise WrongClaimsError("expected an access token, found one of another type", hint=_NEW)
        return str(algorithm)

    def _kid(self, token: str) -> str:
        # First, so that a token which nobody signed never makes the server ask for keys.
        self._algorithm(token)
        kid = _header(token).get("kid")
        if not isinstance(kid, str) or not kid:
            raise UnknownKeyError("expected a token that names its key, found none", hint=_NEW)
        return kid


def _token(asked: Asked) -> str | None:
    found = asked.credential
    if not isinstance(found, Bearer) or found.token.count(".") != 2:
        return None
    if len(found.token) > LONGEST_TOKEN:
        raise CredentialMalformedError(
            f"expected a token of at most {LONGEST_TOKEN} characters, found {len(found.token)}",
            hint="have the issuer put fewer claims, such as groups, into it",
        )
    return found.token


def _header(token: str) -> Mapping[str, Any]:
    try:
        return jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as err:
        raise CredentialMalformedError("expected a JWT, found another form", hint=_NEW) from err
