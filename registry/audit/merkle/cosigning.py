"""Has a witness cosign the log's newest checkpoint, and keeps what it cosigned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from infra import durable
from infra.clock import Clock, to_millis, utc_now
from infra.errors import PlatformError
from infra.processes.leases import Leases
from infra.stores.db import transaction
from registry.audit.merkle.adapters import leaves, log_files
from registry.audit.merkle.adapters.told import Told
from registry.audit.merkle.adapters.witness_client import Answer, post
from registry.audit.merkle.domain.checkpoint import Signed
from registry.audit.merkle.domain.note import (
    Note,
    Signature,
    VerifierKey,
    parse_signatures,
)
from registry.audit.merkle.domain.proofs import consistency_proof
from registry.audit.merkle.domain.submission import Submission
from registry.audit.merkle.errors import WitnessAwayError, WitnessRefusedError
from registry.audit.merkle.proving import nodes_of

PATH = "/add-checkpoint"


@dataclass(slots=True)
class Cosigner:
    """Asks one witness about one log.

    Attributes:
        engine: of the database, which remembers how far the witness is.
        folder: of the log.
        log: its public key.
        url: of the witness.
        witness: its public key.
    """

    engine: Engine
    folder: Path
    log: VerifierKey
    url: str
    witness: VerifierKey
    clock: Clock = utc_now
    ask: Callable[[str, str], Answer] = post
    _leases: Leases = field(init=False)
    _told: Told = field(init=False)

    def __post_init__(self) -> None:
        """Take this process's name for the sequencer's lease."""
        self._leases = leaves.leases(self.engine, self.clock)
        self._told = Told(self.engine, "witness_error")

    def round(self) -> bool:
        """Have the newest checkpoint cosigned. Returns False if nothing was to be done.

        Raises:
            WitnessRefusedError: the witness knows another history of the log.
            WitnessAwayError: it does not answer.
            PlatformError: files or database cannot be read or written.
        """
        if not self._leases.take(leaves.LOG):
            return False
        with self._told.watching(self.folder):
            return self._round()

    def _round(self) -> bool:
        written = log_files.note(self.folder, log_files.CHECKPOINT)
        if written is None:
            return False
        signed = Signed.open(written, [self.log])
        old = self._cosigned_size()
        if old == signed.checkpoint.size and self._told.is_clear():
            return False
        answer = self._submit(signed, min(old, signed.checkpoint.size))
        if answer.status == 409:
            answer = self._submit(signed, self._known_size(answer, signed))
        if answer.status != 200:
            raise self._refused(answer, signed)
        note = signed.note.adding(*self._cosignatures(answer, signed.note))
        durable.replace(self.folder / log_files.COSIGNED, str(note).encode())
        with transaction(self.engine) as connection:
            leaves.remember(
                connection,
                cosigned_size=signed.checkpoint.size,
                cosigned_ms=to_millis(self.clock()),
                witness_error=None,
            )
        self._told.cleared()
        return True

    def _cosigned_size(self) -> int:
        written = log_files.note(self.folder, log_files.COSIGNED)
        return 0 if written is None else Signed.open(written, [self.log]).checkpoint.size

    def _submit(self, signed: Signed, old: int) -> Answer:
        with nodes_of(self.folder, signed) as nodes:
            proof = tuple(consistency_proof(old, signed.checkpoint.size, nodes))
        return self.ask(self.url + PATH, str(Submission(old, proof, signed.note)))

    def _known_size(self, answer: Answer, signed: Signed) -> int:
        """Return the size that the witness says it knows.

        Raises:
            WitnessRefusedError: it knows more than the log has.
        """
        text = answer.text.strip()
        known = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else -1
        if not 0 <= known <= signed.checkpoint.size:
            raise WitnessRefusedError(
                f"expected the witness to know at most the {signed.checkpoint.size} events of the "
                f"log, found that it knows {text[:40]}: the log was truncated or restored from an "
                "old backup",
                hint="restore the log's newest folder; the witness forgets nothing",
            )
        return known

    def _refused(self, answer: Answer, signed: Signed) -> PlatformError:
        said = " ".join(answer.text.split())[:200]
        if answer.status >= 500:
            return WitnessAwayError(
                f"expected the witness at {self.url} to cosign, found HTTP {answer.status}: {said}",
                hint="look at the witness's log",
            )
        return WitnessRefusedError(
            f"expected the witness to cosign the checkpoint of size {signed.checkpoint.size}, "
            f"found HTTP {answer.status}: {said}",
            hint="404 and 403: give the witness the log's key (ACGS_WITNESS_LOGS). 409 and 422: "
            "the log is not the one that it cosigned; compare both, and restore the right one",
        )

    def _cosignatures(self, answer: Answer, note: Note) -> tuple[Signature, ...]:
        """Return the witness's cosignatures; strangers' are left out.

        Raises:
            NotProvenError: there is none by the witness, or it does not match.
            MalformedError: the answer is no lines of signatures.
        """
        found = tuple(one for one in parse_signatures(answer.text) if one.is_by(self.witness))
        Note(note.text, found).require([self.witness], "the witness")
        return found
