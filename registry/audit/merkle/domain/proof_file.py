"""Writes and reads a proof that an event is in the log, as one file that needs nothing else.

Source: C2SP tlog-proof. The entry itself is in its `extra` line.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from registry.audit.merkle.domain.checkpoint import Checkpoint, Signed
from registry.audit.merkle.domain.note import VerifierKey, decoded
from registry.audit.merkle.domain.proofs import LONGEST, proves_inclusion
from registry.audit.merkle.domain.tree import HASH_BYTES, leaf_hash
from registry.audit.merkle.errors import MalformedError, NotProvenError

HEADER = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile("index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class ProofFile:
    """A proof that nobody has checked yet.

    Attributes:
        entry: bytes of the event's entry.
        index: its number in the log.
        hashes: inclusion proof, the neighbour first.
        checkpoint: the note that it ends in.
    """

    entry: bytes
    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str

    @classmethod
    def parse(cls, written: str) -> ProofFile:
        """Read a proof.

        Raises:
            MalformedError: it has another form.
        """
        head, blank, checkpoint = written.partition("\n\n")
        lines = head.split("\n")
        index = _INDEX.fullmatch(lines[2]) if len(lines) > 2 else None
        if not blank or lines[0] != HEADER or index is None or len(lines) > 3 + LONGEST:
            raise MalformedError(
                f"expected a proof that begins with {HEADER}, found something else",
                hint="acgs audit prove EVENT_ID writes one",
            )
        kind, _, entry = lines[1].partition(" ")
        hashes = tuple(decoded(line, "a hash of the proof") for line in lines[3:])
        if kind != "extra" or any(len(one) != HASH_BYTES for one in hashes):
            raise MalformedError("expected an entry and hashes of 32 bytes, found others")
        return cls(decoded(entry, "the entry"), int(index[1]), hashes, checkpoint)

    def __str__(self) -> str:
        """Return the proof as it is written to a file."""
        hashes = "".join(f"{base64.b64encode(one).decode()}\n" for one in self.hashes)
        entry = base64.b64encode(self.entry).decode()
        return f"{HEADER}\nextra {entry}\nindex {self.index}\n{hashes}\n{self.checkpoint}"

    def require(
        self, logs: Sequence[VerifierKey], witnesses: Sequence[VerifierKey] = ()
    ) -> tuple[Checkpoint, int | None]:
        """Check the proof.

        Returns:
            The checkpoint, and when a witness cosigned it (seconds since the epoch), if asked for.

        Raises:
            NotProvenError: the event is not in the log that the keys signed.
            MalformedError: the checkpoint has another form.
        """
        signed = Signed.open(self.checkpoint, logs)
        found = signed.checkpoint
        leaf = leaf_hash(self.entry)
        if not proves_inclusion(leaf, self.index, found.size, self.hashes, found.root):
            raise NotProvenError(
                f"expected a proof that the event is number {self.index} of the log of size "
                f"{found.size}, found one that does not show it",
                hint="the proof or the event in it was changed; get it from where it was made",
            )
        return found, signed.witnessed(witnesses) if witnesses else None
