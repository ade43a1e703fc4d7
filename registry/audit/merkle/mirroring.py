"""Copies the signed part of the audit log to a second place, where nothing is ever overwritten.

The copy has the same form as the log itself, in smaller files of entries, so `acgs audit verify`
verifies it as it is; and every checkpoint that was copied, by its size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from infra.clock import Clock, to_millis, utc_now
from infra.processes.leases import Leases
from infra.stores.db import transaction
from infra.stores.errors import ObjectChangedError
from registry.audit.merkle.adapters import leaves, log_files
from registry.audit.merkle.adapters.mirror_places import MirrorPlace
from registry.audit.merkle.adapters.told import Told
from registry.audit.merkle.domain.checkpoint import Signed
from registry.audit.merkle.domain.note import Note, VerifierKey
from registry.audit.merkle.errors import LogBrokenError

CHECKPOINTS = "checkpoints"
PIECE = 16_384
"""Most entries of a file in the mirror."""


@dataclass(slots=True)
class Mirror:
    """Copies one log to one place.

    Attributes:
        engine: of the database, which remembers how far the mirror is.
        folder: of the log.
        log: its public key.
        place: of the copy.
    """

    engine: Engine
    folder: Path
    log: VerifierKey
    place: MirrorPlace
    clock: Clock = utc_now
    _leases: Leases = field(init=False)
    _copied: int | None = None
    _notes: dict[str, str] = field(default_factory=dict)
    _told: Told = field(init=False)

    def __post_init__(self) -> None:
        """Take this process's name for the sequencer's lease."""
        self._leases = leaves.leases(self.engine, self.clock)
        self._told = Told(self.engine, "mirror_error")

    def round(self) -> bool:
        """Copy what was signed since the last round. Returns False if nothing was to be done.

        Raises:
            LogBrokenError: the mirror has another history than the log.
            PlatformError: the place, the log or the database cannot be used.
        """
        if not self._leases.take(leaves.LOG):
            return False
        with self._told.watching(self.folder):
            return self._round()

    def _round(self) -> bool:
        written = log_files.note(self.folder, log_files.CHECKPOINT)
        if written is None:
            return False
        size = Signed.open(written, [self.log]).checkpoint.size
        # A round that fails leaves it unknown: the next one looks.
        copied, self._copied = self._copied, None
        if copied is None:
            copied = self._copied_size(size)
        is_new = copied < size or not self._told.is_clear()
        while copied < size:
            copied += self._add_piece(copied, min(PIECE, size - copied))
        for name in (log_files.COSIGNED, log_files.CHECKPOINT):
            is_new = self._copy_note(name, size) or is_new
        if is_new:
            self._succeeded(size)
        self._copied = copied
        return is_new

    def _copied_size(self, size: int) -> int:
        """Return how many entries the mirror has; its last file must be the log's.

        Raises:
            LogBrokenError: it is another history, or a longer one.
        """
        names = self.place.names(log_files.ENTRIES)
        if not names:
            return 0
        first, content = log_files.segment_first(names[-1]), b""
        if first is not None:
            content = self.place.read(f"{log_files.ENTRIES}/{names[-1]}")
        count = content.count(b"\n")
        here = b"" if first is None else _joined(self.folder, first, count)
        if first is None or first + count > size or here != content:
            raise LogBrokenError(
                f"expected the mirror to have the beginning of the log of size {size}, found "
                f"{names[-1]} with {count} entries, which are not the log's",
                hint="the log's folder or its mirror is of another history: acgs audit verify "
                "both, and keep the right one",
            )
        return first + count

    def _add_piece(self, first: int, count: int) -> int:
        content = _joined(self.folder, first, count)
        name = f"{log_files.ENTRIES}/{log_files.segment_name(first)}"
        try:
            self.place.add(name, content)
        except ObjectChangedError:
            # Written by a process that was killed before it could know, or by another history.
            if self.place.read(name) != content:
                raise
        return content.count(b"\n")

    def _copy_note(self, name: str, size: int) -> bool:
        """Copy a note that changed; the log's own is read before the entries are copied."""
        written = log_files.note(self.folder, name)
        if written is None or self._notes.get(name) == written:
            return False
        checkpoint = Signed.open(written, [self.log]).checkpoint
        if checkpoint.size > size:
            return False
        self._keep(f"{CHECKPOINTS}/{checkpoint.size:015}.{name}", written)
        self.place.replace(name, written.encode())
        self._notes[name] = written
        return True

    def _keep(self, name: str, written: str) -> None:
        """Keep a note for ever.

        Raises:
            LogBrokenError: there is one of another root.
        """
        try:
            self.place.add(name, written.encode())
        except ObjectChangedError as err:
            there = Note.parse(self.place.read(name).decode())
            if there.text != Note.parse(written).text:
                raise LogBrokenError(
                    f"expected the mirror's {name} to be the log's, found another root",
                    hint="the log was forked: keep both, and compare them",
                ) from err

    def _succeeded(self, size: int) -> None:
        with transaction(self.engine) as connection:
            leaves.remember(
                connection,
                mirrored_size=size,
                mirrored_ms=to_millis(self.clock()),
                mirror_error=None,
            )
        self._told.cleared()


def _joined(folder: Path, first: int, count: int) -> bytes:
    """Return entries as the lines of a file."""
    found = log_files.some_entries(folder, first, count)
    return b"".join(entry + b"\n" for entry in found)
