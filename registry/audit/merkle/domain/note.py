"""Reads and writes signed notes: a text, and lines with signatures of it by several keys.

Source: C2SP signed-note for the form and Ed25519 (0x01), C2SP tlog-cosignature for witnesses'
timestamped signatures (0x04).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING

from registry.audit.merkle.errors import MalformedError, NotProvenError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MOST_SIGNATURES = 32
MOST_CHARACTERS = 64 * 1024
KEY_BYTES, SIGNATURE_BYTES, ID_BYTES, TIME_BYTES = 32, 64, 4, 8
_NAME = re.compile(r"[^\s+]+")
_LINE = re.compile("— ([^\\s+]+) ([A-Za-z0-9+/]+={0,2})")


class KeyKind(IntEnum):
    """What a key signs, with its number in signed-note."""

    LOG = 0x01
    WITNESS = 0x04


@dataclass(frozen=True)
class VerifierKey:
    """A public key with its name.

    Attributes:
        name: without spaces and `+`.
        kind: what it signs.
        public: 32 bytes.
    """

    name: str
    kind: KeyKind
    public: bytes

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read `NAME+ID+KEY`, the form of a key in configurations.

        Raises:
            MalformedError: the text has another form, or its id is not that of the key.
        """
        parts = text.strip().split("+", 2)
        if len(parts) != 3 or not _NAME.fullmatch(parts[0]):
            raise MalformedError(
                f"expected a public key as NAME+ID+KEY, found {text.strip()[:80]!r}",
                hint="the key's file has one line, such as acgs.audit/1f3a+c74f20a3+ARpc2Q...",
            )
        raw = decoded(parts[2], f"the key of {parts[0]}")
        known = {kind.value for kind in KeyKind}
        if len(raw) != 1 + KEY_BYTES or raw[0] not in known:
            raise MalformedError(
                f"key of {parts[0]}: expected an Ed25519 key of type 1 or 4 in {1 + KEY_BYTES} "
                f"bytes, found {len(raw)} bytes of type {raw[0] if raw else 'none'}"
            )
        key = cls(parts[0], KeyKind(raw[0]), raw[1:])
        if key.id.hex() != parts[1]:
            raise MalformedError(
                f"key of {parts[0]}: expected the id {key.id.hex()}, found {parts[1]}",
                hint="copy the whole line again",
            )
        return key

    @cached_property
    def id(self) -> bytes:
        """Return the key's id: 4 bytes that signatures begin with."""
        content = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(content).digest()[:ID_BYTES]

    def __str__(self) -> str:
        """Return the form that `parse` reads."""
        material = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{material}"


@dataclass(frozen=True, slots=True)
class Signature:
    """A line below a note: whose it is, and what was made.

    Attributes:
        content: what follows the key's id.
    """

    name: str
    key_id: bytes
    content: bytes = field(repr=False)

    def is_by(self, key: VerifierKey) -> bool:
        """Return whether the line says that it is the key's. Proves nothing yet."""
        return (self.name, self.key_id) == (key.name, key.id)

    def __str__(self) -> str:
        """Return the line, without its newline."""
        return f"— {self.name} {base64.b64encode(self.key_id + self.content).decode()}"


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends in a newline, and signatures that nobody has checked yet."""

    text: str
    signatures: tuple[Signature, ...] = ()

    @classmethod
    def parse(cls, written: str) -> Note:
        """Read a note.

        Raises:
            MalformedError: it has another form.
        """
        text, blank, lines = written.rpartition("\n\n")
        if not blank or not lines.endswith("\n") or len(written) > MOST_CHARACTERS:
            raise MalformedError(
                "expected a signed note: a text, an empty line, and lines of signatures"
            )
        if any(char < " " and char != "\n" for char in written):
            raise MalformedError("expected a note without control characters, found some")
        return cls(text + "\n", parse_signatures(lines))

    def adding(self, *signatures: Signature) -> Note:
        """Return the note with further signatures; those of the same keys are replaced."""
        keys = {(one.name, one.key_id) for one in signatures}
        kept = [one for one in self.signatures if (one.name, one.key_id) not in keys]
        return Note(self.text, (*kept, *signatures))

    def require(self, keys: Iterable[VerifierKey], whose: str) -> tuple[VerifierKey, int | None]:
        """Check the signatures by trusted keys.

        Args:
            keys: trusted.
            whose: in words, for the error.

        Returns:
            A key that signed, and when (seconds since the epoch; None if it says no time).

        Raises:
            NotProvenError: none of the keys signed, or one of their signatures does not match.
        """
        trusted = list(keys)
        found = [(key, one) for one in self.signatures for key in trusted if one.is_by(key)]
        if not found:
            expected = ", ".join(f"{key.name}+{key.id.hex()}" for key in trusted) or "no key"
            there = ", ".join(f"{one.name}+{one.key_id.hex()}" for one in self.signatures)
            raise NotProvenError(
                f"expected a signature by {whose} ({expected}), found {there or 'none'}",
                hint="give the public key that belongs to this log, or get the files again",
            )
        times = [self._checked(key, one, whose) for key, one in found]
        return found[0][0], times[0]

    def _checked(self, key: VerifierKey, signature: Signature, whose: str) -> int | None:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        content, seconds = signature.content, None
        message = self.text.encode()
        if key.kind is KeyKind.WITNESS:
            seconds = int.from_bytes(content[:TIME_BYTES], "big")
            content, message = content[TIME_BYTES:], _cosigned(self.text, seconds)
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(content, message)
        except (InvalidSignature, ValueError):
            raise NotProvenError(
                f"expected a signature by {whose} ({key.name}) that matches the note, found one "
                "that does not",
                hint="the note was changed after it was signed; get it from where it was made",
            ) from None
        return seconds

    def __str__(self) -> str:
        """Return the note as it is written to a file."""
        return f"{self.text}\n" + "".join(f"{one}\n" for one in self.signatures)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with the name under which it signs."""

    public: VerifierKey
    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def of(cls, name: str, kind: KeyKind, private: Ed25519PrivateKey) -> SigningKey:
        """Give a private key a name and a purpose."""
        return cls(VerifierKey(name, kind, private.public_key().public_bytes_raw()), private)

    def sign(self, text: str, seconds: int = 0) -> Signature:
        """Return the signature of a note's text.

        Args:
            text: ends in a newline.
            seconds: since the epoch, the time that a witness states; a log states none.
        """
        match self.public.kind:
            case KeyKind.LOG:
                content = self.private.sign(text.encode())
            case KeyKind.WITNESS:
                stamp = seconds.to_bytes(TIME_BYTES, "big")
                content = stamp + self.private.sign(_cosigned(text, seconds))
        return Signature(self.public.name, self.public.id, content)


def parse_signatures(lines: str) -> tuple[Signature, ...]:
    """Read lines of signatures, each ended by a newline.

    Raises:
        MalformedError: a line has another form, there is none, or there are too many.
    """
    found = []
    for line in lines.removesuffix("\n").split("\n"):
        match = _LINE.fullmatch(line)
        raw = decoded(match[2], "a signature") if match else b""
        if match is None or len(raw) <= ID_BYTES:
            raise MalformedError(f"expected a line '— NAME SIGNATURE', found {line[:80]!r}")
        found.append(Signature(match[1], raw[:ID_BYTES], raw[ID_BYTES:]))
    if len(found) > MOST_SIGNATURES:
        raise MalformedError(f"expected at most {MOST_SIGNATURES} signatures, found {len(found)}")
    return tuple(found)


def decoded(text: str, what: str) -> bytes:
    """Return the bytes of a base64 text in its one canonical spelling.

    Raises:
        MalformedError: it is none.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = None
    if raw is None or base64.b64encode(raw).decode() != text:
        raise MalformedError(f"{what}: expected base64, found {text[:80]!r}")
    return raw


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
