from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm

from infra.identity.bearer.keys import MOST_KEYS, KeysUnreadableError, read_keys
from tests.support.issuer import Issuer, elliptic


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


def document(*keys: object) -> bytes:
    return json.dumps({"keys": keys}).encode()


def test_keys_are_found_by_name_with_the_algorithms_that_fit_them(issuer: Issuer) -> None:
    issuer.publish("curve", elliptic().public_key())
    issuer.publish("bound", issuer.private.public_key(), alg="PS256")

    found = read_keys(issuer.document())

    assert "RS256" in found["first"].algorithms
    assert "ES256" not in found["first"].algorithms
    assert found["curve"].algorithms == {"ES256"}
    assert found["bound"].algorithms == {"PS256"}


def odd(issuer: Issuer) -> dict[str, object]:
    good = issuer.keys["first"]
    small = rsa.generate_private_key(65537, 1024)
    private: Any = RSAAlgorithm.to_jwk(issuer.private, as_dict=True)
    other_curve = Issuer(private=ec.generate_private_key(ec.SECP256K1()))
    return {
        "no kid": {name: value for name, value in good.items() if name != "kid"},
        "an empty kid": {**good, "kid": ""},
        "a kid that is no text": {**good, "kid": 7},
        "for encryption": {**good, "use": "enc"},
        "private": {**private, "kid": "p"},
        "symmetric": {"kty": "oct", "k": "c2VjcmV0", "kid": "s"},
        "symmetric in disguise": {**good, "kty": "oct", "k": "c2VjcmV0"},
        "too short": RSAAlgorithm.to_jwk(small.public_key(), as_dict=True) | {"kid": "x"},
        "a curve that nobody takes": other_curve.keys["first"],
        "a symmetric algorithm": {**good, "alg": "HS256"},
        "no algorithm": {**good, "alg": "none"},
        "broken numbers": {**good, "n": "!"},
        "no object": "key",
    }


def test_a_key_that_must_not_verify_is_left_out(issuer: Issuer) -> None:
    for what, key in odd(issuer).items():
        assert read_keys(document(key)) == {}, what


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{}", b'{"keys": {}}', b"\xff", b'{"keys": ' + b"[" * 100_000, b"<html>"],
)
def test_a_document_of_another_form_is_no_set_of_keys(text: bytes) -> None:
    with pytest.raises(KeysUnreadableError):
        read_keys(text)


def test_two_keys_of_one_name_and_too_many_keys_are_refused(issuer: Issuer) -> None:
    good = issuer.keys["first"]
    for keys in ([good, good], [good] * (MOST_KEYS + 1)):
        with pytest.raises(KeysUnreadableError):
            read_keys(document(*keys))
