from __future__ import annotations

import base64

import pytest

from infra.errors import UnauthenticatedError
from infra.identity.asked import Asked, Basic, Bearer
from infra.identity.errors import CredentialMalformedError


def asked(*values: bytes) -> Asked:
    return Asked([(b"authorization", value) for value in values], "127.0.0.1")


def encoded(text: str) -> bytes:
    return b"Basic " + base64.b64encode(text.encode())


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (encoded("alice:secret"), Basic("alice", "secret")),
        (encoded("alice:with:colons"), Basic("alice", "with:colons")),
        (encoded("Ren\u00e9e:\U0001f511"), Basic("Ren\u00e9e", "\U0001f511")),
        (encoded("alice:"), Basic("alice", "")),
        (b"bearer abc.def.ghi", Bearer("abc.def.ghi")),
        (b"BEARER   abc", Bearer("abc")),
    ],
)
def test_a_credential_is_read_as_it_was_sent(header: bytes, found: object) -> None:
    assert asked(header).credential == found


def test_a_request_without_the_header_has_no_credential() -> None:
    assert asked().credential is None


@pytest.mark.parametrize(
    "header",
    [
        b"Basic not-base64!",
        b"Basic " + base64.b64encode(b"no colon"),
        b"Basic " + base64.b64encode(b"\xff\xfe:x"),
        b"Bearer",
        b"Bearer ",
        b"Digest username=alice",
        b"\xff\xfe",
    ],
)
def test_a_credential_of_another_form_is_refused_without_quoting_it(header: bytes) -> None:
    with pytest.raises(CredentialMalformedError) as told:
        _ = asked(header).credential
    assert "not-base64" not in str(told.value)


def test_two_credentials_in_two_headers_are_refused() -> None:
    with pytest.raises(UnauthenticatedError, match="found it 2 times"):
        _ = asked(b"Bearer a", b"Bearer b").credential
