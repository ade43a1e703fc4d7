"""Reads an issuer's public keys from a JWKS document, strictly: what is odd is left out."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from infra.identity.bearer.settings import ALGORITHMS

_logger = logging.getLogger(__name__)

MOST_KEYS = 100
SMALLEST_RSA_BITS = 2048
_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_BY_CURVE = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


class KeysUnreadableError(ValueError):
    """A document is no JWKS. Internal: the source answers that the keys are away."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One key of an issuer.

    Attributes:
        key: as the JWT library takes it.
        algorithms: for which it may be used.
    """

    key: Any
    algorithms: frozenset[str]


def read_keys(document: bytes) -> dict[str, PublicKey]:
    """Return the keys of a JWKS document by `kid`.

    Keys without a `kid`, for encryption, symmetric, private, too short or of an unknown kind are
    left out.

    Raises:
        KeysUnreadableError: it is no JWKS document, or holds two keys of one `kid`.
    """
    try:
        listed = json.loads(document)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError) as err:
        raise KeysUnreadableError("expected an object with keys, found another form") from err
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise KeysUnreadableError(f"expected a list of at most {MOST_KEYS} keys")
    found: dict[str, PublicKey] = {}
    for entry in listed:
        if not isinstance(entry, dict) or (key := _key(entry)) is None:
            _logger.warning("left a key of the JWKS out: it verifies no signature here")
            continue
        if entry["kid"] in found:
            raise KeysUnreadableError("expected each kid once, found one twice")
        found[entry["kid"]] = key
    return found


def _key(entry: Mapping[str, Any]) -> PublicKey | None:
    kid, algorithm = entry.get("kid"), entry.get("alg")
    if not isinstance(kid, str) or not kid or entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    if entry.get("kty") not in {"RSA", "EC", "OKP"}:
        return None
    if algorithm is not None and algorithm not in ALGORITHMS:
        return None
    try:
        key = jwt.PyJWK(dict(entry)).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    fitting = _fitting(key)
    if algorithm is not None:
        fitting &= {algorithm}
    return PublicKey(key, fitting) if fitting else None


def _fitting(key: object) -> frozenset[str]:
    match key:
        case rsa.RSAPublicKey():
            return _RSA if key.key_size >= SMALLEST_RSA_BITS else frozenset()
        case ec.EllipticCurvePublicKey():
            known = _BY_CURVE.get(key.curve.name)
            return frozenset({known}) if known else frozenset()
        case ed25519.Ed25519PublicKey():
            return frozenset({"EdDSA"})
        case _:
            return frozenset()
