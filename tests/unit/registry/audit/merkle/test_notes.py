"""Notes, keys and checkpoints have C2SP's forms, and only what a trusted key signed counts."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from registry.audit.merkle.domain.checkpoint import Checkpoint, Signed
from registry.audit.merkle.domain.note import KeyKind, Note, SigningKey, VerifierKey
from registry.audit.merkle.errors import MalformedError, NotProvenError

# The example of Go's own package `note`, whose form C2SP has taken.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SECRET = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_NOTE = (
    f"{GO_TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
    "KvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

LOG = SigningKey.of("acgs.audit/log", KeyKind.LOG, Ed25519PrivateKey.from_private_bytes(b"l" * 32))
WITNESS = SigningKey.of(
    "acgs.audit/witness", KeyKind.WITNESS, Ed25519PrivateKey.from_private_bytes(b"w" * 32)
)
CHECKPOINT = Checkpoint(LOG.public.name, 7, bytes(range(32)))


def signed() -> Note:
    return Note(CHECKPOINT.text).adding(LOG.sign(CHECKPOINT.text))


def test_gos_example_is_verified_and_signed_byte_for_byte() -> None:
    key = VerifierKey.parse(GO_KEY)
    assert str(key) == GO_KEY
    note = Note.parse(GO_NOTE)
    assert note.text == GO_TEXT
    assert note.require([key], "Peter") == (key, None)
    secret = Ed25519PrivateKey.from_private_bytes(base64.b64decode(GO_SECRET)[1:])
    again = SigningKey.of("PeterNeumann", KeyKind.LOG, secret)
    assert str(Note(GO_TEXT).adding(again.sign(GO_TEXT))) == GO_NOTE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumanM+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
        "PeterNeumann+c74f20a3+not base64",
    ],
)
def test_a_public_key_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        VerifierKey.parse(text)


@given(st.integers(0, len(GO_NOTE) - 1), st.sampled_from(["", "\n", "x", "\t", "é"]))
def test_a_note_with_any_character_changed_is_not_taken(place: int, other: str) -> None:
    changed = GO_NOTE[:place] + other + GO_NOTE[place + 1 :]
    if changed == GO_NOTE:
        return
    with pytest.raises((MalformedError, NotProvenError)):
        Note.parse(changed).require([VerifierKey.parse(GO_KEY)], "Peter")


def test_signatures_of_strangers_are_passed_over() -> None:
    stranger = SigningKey.of("x", KeyKind.LOG, Ed25519PrivateKey.generate())
    note = signed().adding(stranger.sign(CHECKPOINT.text))
    assert Signed.open(str(note), [LOG.public]).checkpoint == CHECKPOINT
    with pytest.raises(NotProvenError, match="expected a signature by the log"):
        Signed.open(str(Note(note.text, note.signatures[1:])), [LOG.public])


def test_a_stranger_with_the_name_and_id_of_a_known_key_is_refused() -> None:
    forged = SigningKey(LOG.public, Ed25519PrivateKey.generate())
    note = Note(CHECKPOINT.text).adding(forged.sign(CHECKPOINT.text))
    with pytest.raises(NotProvenError, match="found one that does not"):
        Signed.open(str(note), [LOG.public])


def test_a_key_of_another_log_signs_nothing_for_this_one() -> None:
    other = SigningKey.of("other", KeyKind.LOG, Ed25519PrivateKey.generate())
    note = Note(CHECKPOINT.text).adding(other.sign(CHECKPOINT.text))
    with pytest.raises(NotProvenError):
        Signed.open(str(note), [LOG.public, other.public])


def test_a_witness_signs_the_time_as_well() -> None:
    cosignature = WITNESS.sign(CHECKPOINT.text, 1_700_000_000)
    opened = Signed.open(str(signed().adding(cosignature)), [LOG.public])
    assert opened.witnessed([WITNESS.public]) == 1_700_000_000
    later = (1_700_000_001).to_bytes(8, "big") + cosignature.content[8:]
    forged = Note(CHECKPOINT.text).adding(
        *signed().signatures, type(cosignature)(cosignature.name, cosignature.key_id, later)
    )
    with pytest.raises(NotProvenError):
        Signed.open(str(forged), [LOG.public]).witnessed([WITNESS.public])


def test_a_checkpoint_without_the_witness_is_not_cosigned() -> None:
    with pytest.raises(NotProvenError, match="expected a signature by a witness"):
        Signed.open(str(signed()), [LOG.public]).witnessed([WITNESS.public])


def test_a_key_signs_as_a_log_or_as_a_witness_but_not_as_both() -> None:
    as_witness = SigningKey.of(LOG.public.name, KeyKind.WITNESS, LOG.private)
    assert as_witness.public.id != LOG.public.id
    note = Note(CHECKPOINT.text).adding(as_witness.sign(CHECKPOINT.text, 1))
    with pytest.raises(NotProvenError):
        Signed.open(str(note), [LOG.public])


def test_a_checkpoint_is_written_as_it_is_read() -> None:
    assert Checkpoint.parse(CHECKPOINT.text) == CHECKPOINT
    assert CHECKPOINT.text.splitlines()[:2] == ["acgs.audit/log", "7"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log\n7\n",
        CHECKPOINT.text + "extension\n",
        CHECKPOINT.text.replace("7", "07", 1),
        CHECKPOINT.text.replace("7", "-7", 1),
        CHECKPOINT.text.replace("7", "٧", 1),
        CHECKPOINT.text.replace("7", "9" * 20, 1),
        CHECKPOINT.text.replace("acgs.audit/log", ""),
        CHECKPOINT.text.replace("=", ""),
        "log\n7\nAAAA\n",
    ],
)
def test_a_checkpoint_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        Checkpoint.parse(text)


def test_a_note_with_too_many_signatures_is_refused() -> None:
    line = f"{signed().signatures[0]}\n"
    with pytest.raises(MalformedError, match="at most 32"):
        Note.parse(f"text\n\n{line * 33}")
