"""A statement is what was signed, to the byte, and any other verifier can read it."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given
from hypothesis import strategies as st

from infra.settings import Settings
from registry.artifacts.adapters.keys import KEY_FILE, SigningKeys, verify
from registry.artifacts.domain.statement import (
    Envelope,
    MalformedStatementError,
    StatementFacts,
    pae,
    read_statement,
    statement,
)
from registry.artifacts.errors import SigningKeyError, StatementInvalidError
from registry.files.domain.manifest import FileEntry, Manifest

FACTS = StatementFacts(
    "u1", "fraud", 3, "1.2.0", 1_700_000_000_000, "runs:/r/model", "r", None, "d"
)
MANIFEST = Manifest.of([FileEntry("MLmodel", 3, "a" * 64), FileEntry("caf\u00e9", 1, "b" * 64)])
files = st.lists(
    st.builds(FileEntry, st.text("abé", min_size=1), st.integers(0, 2**40), st.just("c" * 64)),
    unique_by=lambda f: f.path,
)


@pytest.fixture
def keys(tmp_path: Path) -> SigningKeys:
    return SigningKeys(Settings(storage_root=tmp_path))


@given(files)
def test_a_statement_says_exactly_which_files_it_is_about(entries: list[FileEntry]) -> None:
    manifest = Manifest.of(entries)
    predicate, found = read_statement(statement(FACTS, manifest))
    assert found == manifest
    assert predicate["manifest_digest"] == manifest.digest
    assert statement(FACTS, manifest) == statement(FACTS, found)


def test_the_encoding_that_is_signed_is_dsse_s() -> None:
    assert pae(b"hello") == b"DSSEv1 28 application/vnd.in-toto+json 5 hello"


def test_the_statement_is_in_toto_s_and_the_envelope_dsse_s(keys: SigningKeys) -> None:
    document = keys.sign(statement(FACTS, MANIFEST)).document()
    assert document["payloadType"] == "application/vnd.in-toto+json"
    told = json.loads(base64.b64decode(document["payload"]))
    assert told["_type"] == "https://in-toto.io/Statement/v1"
    assert told["subject"][0] == {
        "name": "MLmodel",
        "digest": {"sha256": "a" * 64},
        "annotations": {"size_bytes": 3},
    }
    # Twenty lines of anybody else's code verify it.
    key: Any = load_pem_public_key(keys.public_pem(keys.current()).encode())
    signature = base64.b64decode(document["signatures"][0]["sig"])
    key.verify(signature, pae(base64.b64decode(document["payload"])))


def test_one_changed_byte_of_the_statement_is_noticed(keys: SigningKeys) -> None:
    envelope = keys.sign(statement(FACTS, MANIFEST))
    verify(envelope, keys.trusted())
    for position in range(0, len(envelope.payload), 17):
        payload = bytearray(envelope.payload)
        payload[position] ^= 1
        with pytest.raises(StatementInvalidError, match="does not"):
            verify(replace(envelope, payload=bytes(payload)), keys.trusted())


def test_a_rotated_key_leaves_what_it_signed_valid(keys: SigningKeys, tmp_path: Path) -> None:
    old = keys.sign(statement(FACTS, MANIFEST))
    identity = keys.rotate()
    new = keys.sign(statement(FACTS, MANIFEST))
    assert (new.key_id, old.key_id) == (identity, next(iter(keys.trusted().keys() - {identity})))
    for envelope in (old, new):
        verify(envelope, keys.trusted())
    assert (tmp_path / "secrets" / KEY_FILE).stat().st_mode & 0o777 == 0o600
    again = SigningKeys(Settings(storage_root=tmp_path))
    assert again.current() == identity


def test_a_stranger_s_key_is_not_trusted(keys: SigningKeys, tmp_path: Path) -> None:
    stranger = SigningKeys(Settings(storage_root=tmp_path / "elsewhere"))
    with pytest.raises(StatementInvalidError, match="expected a signature by one of"):
        verify(stranger.sign(statement(FACTS, MANIFEST)), keys.trusted())


def test_a_key_of_another_kind_is_told(keys: SigningKeys, tmp_path: Path) -> None:
    keys.current()
    (tmp_path / "secrets" / KEY_FILE).write_text("-----BEGIN NOTHING-----")
    with pytest.raises(SigningKeyError, match="expected a private key"):
        keys.sign(b"x")


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"payloadType": "text/plain", "payload": "", "signatures": [{"keyid": "", "sig": ""}]},
        {"payloadType": "application/vnd.in-toto+json", "payload": "?", "signatures": []},
        {"payloadType": "application/vnd.in-toto+json", "payload": "", "signatures": [{}]},
    ],
)
def test_what_is_no_envelope_is_refused(document: object) -> None:
    with pytest.raises(MalformedStatementError):
        Envelope.read(document)


def test_a_statement_that_contradicts_itself_is_refused() -> None:
    told = json.loads(statement(FACTS, MANIFEST))
    told["subject"].pop()
    with pytest.raises(MalformedStatementError, match="in the same statement"):
        read_statement(json.dumps(told).encode())
    for broken in (b"", b"[]", b"{}", b'{"_type": "x", "predicateType": "y"}'):
        with pytest.raises(MalformedStatementError):
            read_statement(broken)
