"""The settings that say whose JWTs are believed."""

from __future__ import annotations

from dataclasses import dataclass

from infra.setting import Text, number, setting
from infra.settings import listed

ALGORITHMS = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
)
"""Those whose verifying key cannot sign: with others, every reader of the keys could."""


def _algorithms(text: str) -> None:
    found = listed(text)
    if not found or not set(found) <= ALGORITHMS:
        raise ValueError(text)


@dataclass(frozen=True)
class JwtSettings:
    """Whose tokens are believed, and what their claims mean."""

    issuer: str = setting(
        "ACGS_JWT_ISSUER", "", "Whose tokens are taken: their claim iss, exactly.", Text()
    )
    audience: str = setting(
        "ACGS_JWT_AUDIENCE",
        "",
        "For whom tokens must be made: one of these, separated by commas, in their claim aud.",
        Text(),
    )
    jwks: str = setting(
        "ACGS_JWT_JWKS",
        "",
        "The issuer's public keys: an https:// address, an http:// one of this machine, or a file.",
        Text(),
    )
    algorithms: str = setting(
        "ACGS_JWT_ALGORITHMS",
        "RS256,ES256",
        "Algorithms with which tokens may be signed, separated by commas: "
        f"{', '.join(sorted(ALGORITHMS))}.",
        Text(f"some of {', '.join(sorted(ALGORITHMS))}", _algorithms, "list"),
    )
    name_claim: str = setting(
        "ACGS_JWT_NAME_CLAIM",
        "sub",
        "Which claim is the caller's name; a.b means b inside of a. Take one that the issuer "
        "never gives to somebody else, nor lets people choose.",
        Text(),
    )
    groups_claim: str = setting(
        "ACGS_JWT_GROUPS_CLAIM",
        "groups",
        "Which claim holds the caller's groups, as a list of texts or one text.",
        Text(),
    )
    leeway_seconds: float = setting(
        "ACGS_JWT_LEEWAY_SECONDS",
        30.0,
        "How far the issuer's clock may be off.",
        number(at_least=0, at_most=300),
    )
    cache_seconds: float = setting(
        "ACGS_JWT_CACHE_SECONDS",
        600.0,
        "How long an issuer's keys count that cannot be read again; after half of it they are "
        "looked for.",
        number(at_least=10, at_most=86_400),
    )
