"""Keeps what a witness cosigned last of each log: one file a log, in the witness's own folder."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from infra import durable
from registry.audit.merkle.adapters import log_files
from registry.audit.merkle.domain.checkpoint import Checkpoint
from registry.audit.merkle.domain.note import Note, VerifierKey
from registry.audit.merkle.errors import LogBrokenError, MalformedError, NotProvenError


@dataclass(frozen=True, slots=True)
class WitnessMemory:
    """The last cosigned checkpoints.

    Attributes:
        folder: of the witness; nobody else writes there.
        key: of the witness, whose cosignature each file bears.
    """

    folder: Path
    key: VerifierKey
    _turn: Lock

    @classmethod
    def open(cls, folder: Path, key: VerifierKey) -> WitnessMemory:
        """Open the memory; the folder is made if it is missing."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(folder, key, Lock())

    @contextmanager
    def alone(self) -> Generator[None]:
        """Let one request of one process at a time look and remember."""
        with self._turn, (self.folder / "lock").open("ab") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
            yield

    def last(self, origin: str) -> Checkpoint | None:
        """Return the last checkpoint of a log that was cosigned; None if there was none.

        Raises:
            LogBrokenError: the file was changed. Nothing of the log may be cosigned.
        """
        written = log_files.note(self.folder, self._name(origin))
        if written is None:
            return None
        try:
            note = Note.parse(written)
            note.require([self.key], "this witness")
            found = Checkpoint.parse(note.text)
            if found.origin == origin:
                return found
        except (MalformedError, NotProvenError) as err:
            reason = err.message
        else:
            reason = f"found a checkpoint of {found.origin}"
        raise LogBrokenError(
            f"{self.folder / self._name(origin)}: expected what this witness cosigned: {reason}",
            hint="restore the witness's folder from a backup",
        )

    def remember(self, note: Note) -> None:
        """Keep a cosigned checkpoint, durably."""
        name = self._name(Checkpoint.parse(note.text).origin)
        durable.replace(self.folder / name, str(note).encode())

    def _name(self, origin: str) -> str:
        return hashlib.sha256(origin.encode()).hexdigest()[:32]
