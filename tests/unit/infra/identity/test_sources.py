from __future__ import annotations

import base64
from dataclasses import dataclass

import pytest

from infra.errors import UnauthenticatedError
from infra.identity.asked import Asked
from infra.identity.errors import (
    CredentialMissingError,
    CredentialsDifferError,
    NameUnusableError,
)
from infra.identity.principal import NOBODY, Kind, Principal, Source
from infra.identity.sources import Claims, Sources


def asked(authorization: bytes | None = None) -> Asked:
    headers = [(b"authorization", authorization)] if authorization else []
    return Asked(headers, "127.0.0.1")


def claimed(name: str) -> Asked:
    return asked(b"Basic " + base64.b64encode(f"{name}:".encode()))


@dataclass(frozen=True)
class Told:
    """A source that has made up its mind."""

    answer: Principal | UnauthenticatedError | None
    source: Source = Source.JWT
    challenge: str | None = "Bearer"
    hidden_headers: tuple[str, ...] = ()

    def check(self) -> str:
        return "a test's"

    def blocks(self, _asked: Asked) -> bool:
        return False

    def authenticate(self, _asked: Asked) -> Principal | None:
        if isinstance(self.answer, UnauthenticatedError):
            raise self.answer
        return self.answer


ALICE = Principal("alice", source=Source.JWT)


def test_an_open_server_takes_the_name_that_a_caller_gives() -> None:
    assert Claims().authenticate(claimed("alice")) == Principal("alice", source=Source.CLAIM)


@pytest.mark.parametrize("header", [None, b"Bearer token", b"Digest x", b"Basic !", b"Basic Og=="])
def test_an_open_server_lets_callers_without_a_name_in(header: bytes | None) -> None:
    assert Claims().authenticate(asked(header)) == NOBODY


@pytest.mark.parametrize("name", ["x" * 201, "mal\u200dlory"])
def test_a_claimed_name_that_nobody_can_read_is_refused(name: str) -> None:
    with pytest.raises(NameUnusableError):
        Claims().authenticate(claimed(name))


def test_the_first_source_that_knows_the_caller_counts() -> None:
    renamed = Principal("Alice", source=Source.PROXY)

    assert Sources([Told(None), Told(ALICE), Told(renamed)]).authenticate(asked()) is ALICE


def test_nobody_is_let_in_without_a_credential() -> None:
    with pytest.raises(CredentialMissingError, match="found none"):
        Sources([Told(None)]).authenticate(asked())


def test_a_credential_that_no_source_takes_is_told_from_none() -> None:
    with pytest.raises(CredentialMissingError, match="one of another kind"):
        Sources([Told(None)]).authenticate(asked(b"Bearer x"))


def test_a_bad_credential_is_refused_beside_a_good_one() -> None:
    forged = UnauthenticatedError("forged")

    with pytest.raises(UnauthenticatedError, match="forged"):
        Sources([Told(ALICE), Told(forged)]).authenticate(asked())


@pytest.mark.parametrize(
    "other", [Principal("bob", source=Source.PROXY), Principal("alice", Kind.SERVICE)]
)
def test_credentials_of_two_callers_are_refused(other: Principal) -> None:
    with pytest.raises(CredentialsDifferError, match=r"'alice' .*and"):
        Sources([Told(ALICE), Told(other)]).authenticate(asked())


def test_only_claims_make_a_server_open() -> None:
    assert Sources([Claims()]).is_open
    assert not Sources([Told(None)]).is_open
