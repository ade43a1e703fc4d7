"""Reads and writes checkpoints: the size and root of a log at a moment, as a signed note.

Source: C2SP tlog-checkpoint.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from registry.audit.merkle.domain.note import Note, VerifierKey, decoded
from registry.audit.merkle.domain.tree import HASH_BYTES
from registry.audit.merkle.errors import MalformedError

_SIZE = re.compile("0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log was at a moment.

    Attributes:
        origin: the log's name.
        size: number of its entries.
        root: of its tree.
    """

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the text of a checkpoint's note.

        Raises:
            MalformedError: it has another form. Lines of extensions are refused: this log has none.
        """
        lines = text.split("\n")
        if len(lines) != 4 or not lines[0] or lines[3] or not _SIZE.fullmatch(lines[1]):
            raise MalformedError(
                f"expected a checkpoint of three lines: origin, size, root; found {text[:120]!r}"
            )
        root = decoded(lines[2], "the root of a checkpoint")
        if len(root) != HASH_BYTES:
            raise MalformedError(f"expected a root of {HASH_BYTES} bytes, found {len(root)}")
        return cls(lines[0], int(lines[1]), root)

    @property
    def text(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def __str__(self) -> str:
        """Return size and root in short, for people."""
        return f"{self.size:,} events, root {self.root.hex()[:16]}"


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint whose log's signature was checked, with its note."""

    checkpoint: Checkpoint
    note: Note

    @classmethod
    def open(cls, written: str, keys: Sequence[VerifierKey]) -> Signed:
        """Read a checkpoint and check the log's signature.

        Raises:
            MalformedError: it has another form.
            NotProvenError: none of the keys signed it, or it was changed since.
        """
        note = Note.parse(written)
        checkpoint = Checkpoint.parse(note.text)
        note.require([key for key in keys if key.name == checkpoint.origin], "the log")
        return cls(checkpoint, note)

    def witnessed(self, keys: Sequence[VerifierKey]) -> int:
        """Check a witness's cosignature; return when it was made, in seconds since the epoch.

        Raises:
            NotProvenError: none of the keys cosigned, or the cosignature does not match.
        """
        return self.note.require(keys, "a witness")[1] or 0
