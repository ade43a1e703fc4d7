"""Decides whether a witness cosigns a checkpoint that is submitted to it.

Source: C2SP tlog-witness, with its HTTP statuses.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from registry.audit.merkle.domain.checkpoint import Checkpoint, Signed
from registry.audit.merkle.domain.note import Note, VerifierKey, decoded
from registry.audit.merkle.domain.proofs import LONGEST, proves_consistency
from registry.audit.merkle.domain.tree import EMPTY_ROOT, HASH_BYTES
from registry.audit.merkle.errors import MalformedError, NotProvenError

_OLD = re.compile("old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a witness does not cosign.

    Attributes:
        status: of HTTP.
        known_size: size of the tree that the witness knows, where that is the reason.
    """

    status: int
    reason: str
    known_size: int | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A checkpoint, with the proof that it continues one of an earlier size.

    Attributes:
        old: size of the tree that the witness should know.
        proof: that the tree of the checkpoint begins with that one.
        note: the checkpoint's.
    """

    old: int
    proof: tuple[bytes, ...]
    note: Note

    @classmethod
    def parse(cls, body: str) -> Submission:
        """Read the body of a request.

        Raises:
            MalformedError: it has another form.
        """
        head, blank, note = body.partition("\n\n")
        first, *lines = head.split("\n")
        old = _OLD.fullmatch(first)
        if not blank or old is None or len(lines) > LONGEST:
            raise MalformedError("expected 'old SIZE', a proof, an empty line and a checkpoint")
        proof = tuple(decoded(line, "a hash of the proof") for line in lines)
        if any(len(one) != HASH_BYTES for one in proof):
            raise MalformedError(f"expected hashes of {HASH_BYTES} bytes, found others")
        return cls(int(old[1]), proof, Note.parse(note))

    def __str__(self) -> str:
        """Return the body of a request."""
        hashes = "".join(f"{base64.b64encode(one).decode()}\n" for one in self.proof)
        return f"old {self.old}\n{hashes}\n{self.note}"

    def judged(
        self, known: Checkpoint | None, logs: Mapping[str, Sequence[VerifierKey]]
    ) -> Checkpoint | Refusal:
        """Return the checkpoint if it is to be cosigned.

        Args:
            known: the log's last checkpoint that the witness cosigned; None before the first.
            logs: keys of the logs that the witness watches, by their names.

        Raises:
            MalformedError: the note is no checkpoint.
        """
        checkpoint = Checkpoint.parse(self.note.text)
        keys = logs.get(checkpoint.origin)
        if keys is None:
            return Refusal(404, f"this witness does not watch the log {checkpoint.origin}")
        try:
            Signed.open(str(self.note), keys)
        except NotProvenError as err:
            return Refusal(403, err.message)
        if self.old > checkpoint.size:
            return Refusal(400, f"old size {self.old} is larger than {checkpoint.size}")
        size, root = (0, EMPTY_ROOT) if known is None else (known.size, known.root)
        if self.old != size:
            return Refusal(409, f"this witness knows the log at size {size}", size)
        if size == checkpoint.size and root != checkpoint.root:
            return Refusal(409, f"this witness knows another root at size {size}", size)
        if proves_consistency(size, checkpoint.size, self.proof, root, checkpoint.root):
            return checkpoint
        return Refusal(422, f"the log does not continue the one of size {size}")
