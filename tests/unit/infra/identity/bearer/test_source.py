"""Every way in which a JWT can be wrong, with real keys from a real address."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.errors import UnauthenticatedError
from infra.identity.asked import Asked
from infra.identity.bearer.settings import JwtSettings
from infra.identity.bearer.source import LONGEST_TOKEN, JwtSource
from infra.identity.errors import IdentitySettingsError, IdentitySourceError
from infra.identity.principal import Kind, Principal, Source
from infra.settings import Settings
from tests.support.issuer import AUDIENCE, Issuer, elliptic, published


@pytest.fixture(scope="module")
def issuer() -> Iterator[tuple[Issuer, str]]:
    made = Issuer()
    with published(made) as url:
        yield made, url


def source_of(location: str, **missing: str) -> JwtSource:
    given = JwtSettings("https://issuer.example", AUDIENCE, location)
    changed: Any = missing
    settings = Settings(storage_root=Path("/nowhere"))
    return JwtSource.of(settings.having(replace(given, **changed)))


@pytest.fixture(scope="module")
def source(issuer: tuple[Issuer, str]) -> JwtSource:
    return source_of(issuer[1])


def asked(token: str) -> Asked:
    return Asked([(b"authorization", b"Bearer " + token.encode())], "127.0.0.1")


def test_a_good_token_is_its_subject(issuer: tuple[Issuer, str], source: JwtSource) -> None:
    token = issuer[0].token(groups=["CN=risk,OU=credit", "\u0440\u0438\u0441\u043a"])

    assert source.authenticate(asked(token)) == Principal(
        "alice", Kind.PERSON, ("CN=risk,OU=credit", "\u0440\u0438\u0441\u043a"), Source.JWT
    )
    assert not source.blocks(asked(token)), "its keys are known now"


def unsigned(issuer: Issuer, alg: Any = "none", signature: str = "") -> str:
    parts = [{"alg": alg, "kid": issuer.kid}, issuer.claims()]
    texts = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts]
    return ".".join([*texts, signature])


def signed_with_the_public_key(issuer: Issuer) -> str:
    # By hand: the library refuses to make it.
    text = unsigned(issuer, "HS256").rstrip(".")
    digest = hmac.new(issuer.public_pem(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def changed(issuer: Issuer) -> str:
    head, _, tail = issuer.token().split(".")
    body = base64.urlsafe_b64encode(json.dumps(issuer.claims(sub="admin")).encode()).rstrip(b"=")
    return f"{head}.{body.decode()}.{tail}"


now = time.time
Make = Callable[[Issuer], str]
BAD: dict[str, tuple[str, Make]] = {
    "expired": ("auth.expired", lambda i: i.token(exp=int(now()) - 60)),
    "not yet valid": ("auth.not_yet_valid", lambda i: i.token(nbf=int(now()) + 600)),
    "issued in the future": ("auth.not_yet_valid", lambda i: i.token(iat=int(now()) + 600)),
    "for another server": ("auth.audience", lambda i: i.token(aud="other")),
    "for nobody": ("auth.claims", lambda i: i.token(without=("aud",))),
    "of another issuer": ("auth.issuer", lambda i: i.token(iss="https://evil.example")),
    "of an issuer with a slash more": ("auth.issuer", lambda i: i.token(iss=f"{i.url}/")),
    "without end": ("auth.claims", lambda i: i.token(without=("exp",))),
    "without a subject": ("auth.claims", lambda i: i.token(without=("sub",))),
    "with a subject that is no text": ("auth.malformed", lambda i: i.token(sub=7)),
    "with an end that is no time": ("auth.malformed", lambda i: i.token(exp="never")),
    "unsigned": ("auth.algorithm", unsigned),
    "unsigned in capitals": ("auth.algorithm", lambda i: unsigned(i, "NONE")),
    "with a list of algorithms": ("auth.algorithm", lambda i: unsigned(i, ["RS256"])),
    "with an object for an algorithm": ("auth.algorithm", lambda i: unsigned(i, {"a": 1})),
    "unsigned, with a fitting algorithm": ("auth.signature", lambda i: unsigned(i, "RS256")),
    "signed with the public key": ("auth.algorithm", signed_with_the_public_key),
    "signed with another key": (
        "auth.signature",
        lambda i: i.token(key=Issuer().private),
    ),
    "changed after it was signed": ("auth.signature", changed),
    "signed with a key of another kind": (
        "auth.algorithm",
        lambda i: i.token(key=elliptic(), algorithm="ES256"),
    ),
    "signed in a way that is not listed": (
        "auth.algorithm",
        lambda i: i.token(algorithm="RS512"),
    ),
    "without a key's name": ("auth.key", lambda i: i.token(headers={})),
    "with an unknown key's name": ("auth.key", lambda i: i.token(headers={"kid": "other"})),
    "with a key's name that is a path": (
        "auth.key",
        lambda i: i.token(headers={"kid": "../../etc/passwd"}),
    ),
    "with a key of its own": (
        "auth.key",
        lambda i: i.token(headers={"jwk": dict(i.keys[i.kid]), "jku": "http://127.0.0.1:1/"}),
    ),
    "with what nobody understands": (
        "auth.malformed",
        lambda i: i.token(headers={"kid": i.kid, "crit": ["exp"]}),
    ),
    "of another type": (
        "auth.claims",
        lambda i: i.token(headers={"kid": i.kid, "typ": "dpop+jwt"}),
    ),
    "huge": ("auth.malformed", lambda i: i.token(padding="x" * LONGEST_TOKEN)),
    "no JWT": ("auth.malformed", lambda _: "a.b.c"),
    "three empty parts": ("auth.malformed", lambda _: ".."),
    "of nested brackets": (
        "auth.malformed",
        lambda _: base64.urlsafe_b64encode(b"[" * 6000).decode() + ".e30.x",
    ),
    "with groups of another form": ("auth.claims", lambda i: i.token(groups={"risk": True})),
    "with groups of numbers": ("auth.claims", lambda i: i.token(groups=[1])),
    "with too many groups": ("auth.name", lambda i: i.token(groups=[str(n) for n in range(300)])),
    "with a name that does not show": ("auth.name", lambda i: i.token(sub="ali\u200dce")),
    "with the platform's own name": ("auth.name", lambda i: i.token(sub="ACGS")),
    "with an empty name": ("auth.name", lambda i: i.token(sub="")),
}


def looked_at(source: JwtSource, request: Asked) -> Principal | None:
    source.blocks(request)
    return source.authenticate(request)


@pytest.mark.parametrize("what", BAD)
def test_a_token_is_refused_that_is(
    what: str, issuer: tuple[Issuer, str], source: JwtSource
) -> None:
    code, make = BAD[what]
    token = make(issuer[0])

    with pytest.raises(UnauthenticatedError) as told:
        looked_at(source, asked(token))

    assert told.value.code == code
    assert token.split(".")[1][:40] not in str(told.value) or len(token) < 10


def test_a_clock_that_is_a_little_off_does_no_harm(
    issuer: tuple[Issuer, str], source: JwtSource
) -> None:
    for token in (issuer[0].token(exp=int(now()) - 10), issuer[0].token(nbf=int(now()) + 10)):
        assert source.authenticate(asked(token))


def test_keys_that_are_away_answer_that_a_retry_may_help(issuer: tuple[Issuer, str]) -> None:
    with pytest.raises(IdentitySourceError):
        source_of("http://127.0.0.1:1/jwks").authenticate(asked(issuer[0].token()))


def test_a_token_signed_with_a_new_key_is_taken_once_the_issuer_publishes_it() -> None:
    made = Issuer()
    with published(made) as url:
        source = source_of(url)
        assert source.authenticate(asked(made.token()))
        old = made.token()
        made.rotate()
        source.keys._tried_at = source.keys._read_at = -1e9  # long ago
        assert source.authenticate(asked(made.token()))
        with pytest.raises(UnauthenticatedError):
            source.authenticate(asked(old))


@pytest.mark.parametrize("header", [b"Basic YTpi", b"Bearer acgs_token", b"Bearer one.dot"])
def test_other_credentials_are_left_to_other_sources(header: bytes, source: JwtSource) -> None:
    other = Asked([(b"authorization", header)], "127.0.0.1")

    assert source.authenticate(other) is None
    assert not source.blocks(other)


@pytest.mark.parametrize("missing", ["issuer", "audience", "jwks"])
def test_a_source_without_what_it_checks_against_does_not_start(missing: str) -> None:
    with pytest.raises(IdentitySettingsError, match=f"ACGS_JWT_{missing.upper()}"):
        source_of("http://127.0.0.1:1/jwks", **{missing: ""})


def test_a_token_that_was_proven_once_ends_with_its_key_and_its_time() -> None:
    made = Issuer()
    with published(made) as url:
        source = source_of(url)
        token = asked(made.token())
        assert source.authenticate(token) is source.authenticate(token), "the signature once"

        source.memory.clock = lambda: now() + 700
        assert source.memory.find(token.credential.token, source.keys.known) is None  # type: ignore[union-attr]
        source.memory.clock = now

        made.rotate()
        source.keys.ask()
        source.keys._tried_at = source.keys._read_at = -1e9
        with pytest.raises(UnauthenticatedError):
            source.authenticate(token)


def test_an_end_beyond_any_clock_is_as_good_as_none(
    source: JwtSource, issuer: tuple[Issuer, str]
) -> None:
    found = source.authenticate(asked(issuer[0].token(exp=10**400)))
    assert found is not None
