"""Numbers events, writes them to the log's files and signs checkpoints. Safe to kill at any time.

Writers of events never wait for it. One process at a time does it: a lease says which, and should
two believe that it is theirs, the keys of `acgs_leaf` and the lock of the folder stop one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from infra.clock import Clock, to_millis, utc_now
from infra.errors import ConflictError
from infra.processes.leases import Leases
from infra.stores.db import reading, transaction
from registry.audit.merkle.adapters import leaves, log_files
from registry.audit.merkle.adapters.backlog import Backlog
from registry.audit.merkle.adapters.log_writer import LogWriter, disk_error
from registry.audit.merkle.adapters.told import Told
from registry.audit.merkle.domain.agreement import DatabaseSide, require_agreement
from registry.audit.merkle.domain.checkpoint import Checkpoint, Signed
from registry.audit.merkle.domain.entry import StoredEvent, entry_of
from registry.audit.merkle.domain.note import Note, SigningKey
from registry.audit.merkle.domain.tree import leaf_hash
from registry.audit.merkle.errors import LogBrokenError

BATCH = 1000
"""Most events that are numbered in one transaction."""
SIGN_SECONDS = 0.3
"""Time after which a checkpoint is signed, however many events still wait."""


@dataclass(slots=True)
class Sequencer:
    """Numbers the events of one database.

    Attributes:
        engine: of the database.
        folder: of the log.
        key: that signs checkpoints; its name is the log's origin.
    """

    engine: Engine
    folder: Path
    key: SigningKey
    clock: Clock = utc_now
    monotonic: Callable[[], float] = time.monotonic
    _leases: Leases = field(init=False)
    _writer: LogWriter | None = None
    _backlog: Backlog = field(default_factory=Backlog)
    _unsigned: bool = False
    _told: Told = field(init=False)

    def __post_init__(self) -> None:
        """Take this process's name for the lease."""
        self._leases = leaves.leases(self.engine, self.clock)
        self._told = Told(self.engine, "error")

    def round(self) -> int:
        """Number and sign what is new. Returns how many events that were; 0 if others do it.

        Raises:
            LogBrokenError: files and database contradict each other; nothing was signed.
            PlatformError: the database or the disk does not take it; try again.
        """
        if not self._leases.take(leaves.LOG):
            self.close()
            return 0
        try:
            return self._round()
        except OSError as err:
            self.close()
            self._told.tell(known := disk_error(err, self.folder))
            raise known from err
        except LogBrokenError as err:
            self.close()
            self._told.tell(err)
            raise
        except BaseException:
            # What was written and what was committed is found out again at the next start.
            self.close()
            raise

    def close(self) -> None:
        """Close the files; the next round opens them again."""
        if self._writer is not None:
            self._writer.close()
        self._writer, self._backlog = None, Backlog()

    def release(self) -> None:
        """Close the files, and let another process go on at once."""
        self.close()
        self._leases.release(leaves.LOG)

    def _round(self) -> int:
        writer = self._writer
        if writer is None:
            writer = self._writer = self._opened()
            count = self._catch_up(writer)
        else:
            count = 0
        end = self.monotonic() + SIGN_SECONDS
        while added := self._number(writer):
            count += added
            if added < BATCH or self.monotonic() >= end:
                break
        if count or self._unsigned:
            self._sign(writer)
        return count

    def _opened(self) -> LogWriter:
        written = log_files.note(self.folder, log_files.CHECKPOINT)
        files = None if written is None else Signed.open(written, [self.key.public]).checkpoint
        size = 0 if files is None else files.size
        with reading(self.engine) as connection:
            known = leaves.remembered(connection)
            last = leaves.last(connection)
            last_leaf = leaves.hash_at(connection, size - 1) if size else None
        count = 0 if last is None else last[0] + 1
        database = DatabaseSide(count, known.size, known.root, last_leaf)
        if size < known.size:
            # Before the files are opened: that cuts them to the checkpoint they have.
            require_agreement(files, None, database)
        writer = LogWriter.open(self.folder, files)
        try:
            require_agreement(files, writer.leaf_at(size - 1) if size else None, database)
        except BaseException:
            writer.close()
            raise
        self._unsigned = known.size != size or known.error is not None
        return writer

    def _catch_up(self, writer: LogWriter) -> int:
        """Write events that were numbered but not signed; return how many there were."""
        start = writer.tree.size
        while True:
            with reading(self.engine) as connection:
                found = leaves.numbered(connection, writer.tree.size, BATCH)
            entries = []
            for leaf in found:
                entry = b"" if leaf.event is None else entry_of(leaf.event, leaf.sequence)
                if leaf.event is None or leaf_hash(entry) != leaf.hash:
                    raise LogBrokenError(
                        f"event {leaf.event_id}, number {leaf.sequence} of the log: expected it as "
                        f"it was numbered, found it "
                        f"{'deleted' if leaf.event is None else 'altered'}",
                        hint="restore the event from a backup of the database",
                    )
                entries.append(entry)
            if entries:
                writer.append(entries, [leaf.hash for leaf in found])
            if len(found) < BATCH:
                return writer.tree.size - start

    def _number(self, writer: LogWriter) -> int:
        first, now_ms = writer.tree.size, to_millis(self.clock())
        # Only this process gives numbers, so what has none now has none in the next transaction.
        with reading(self.engine) as connection:
            batch = self._backlog.next(connection, BATCH, now_ms)
            self._require_last(connection, writer)
        entries = [entry_of(event, number) for number, event in enumerate(batch.events, first)]
        hashes = [leaf_hash(entry) for entry in entries]
        if entries:
            self._add(first, batch.events, hashes)
            writer.append(entries, hashes)
            self._unsigned = True
        self._backlog = batch.after
        return len(entries)

    def _add(self, first: int, events: Sequence[StoredEvent], hashes: Sequence[bytes]) -> None:
        ids = [event.id for event in events]
        try:
            with transaction(self.engine) as connection:
                leaves.add(connection, first, list(zip(ids, hashes, strict=True)))
        except IntegrityError as err:
            raise ConflictError(
                "expected to number events alone, found that another process did so",
                hint="nothing is lost; it is tried again",
            ) from err

    def _require_last(self, connection: Connection, writer: LogWriter) -> None:
        """Check that the database still ends where the files do: nothing was restored over it."""
        last, size = leaves.last(connection), writer.tree.size
        there = 0 if last is None else last[0] + 1
        is_same = there == size and (last is None or writer.leaf_at(size - 1) == last[1])
        if not is_same:
            raise LogBrokenError(
                f"expected the database to end with event {size - 1} of the log, as it was "
                f"numbered, found {there} events or another last one",
                hint="acgs audit verify names the first event that differs",
            )

    def _sign(self, writer: LogWriter) -> None:
        checkpoint = Checkpoint(self.key.public.name, writer.tree.size, writer.tree.root())
        note = Note(checkpoint.text).adding(self.key.sign(checkpoint.text))
        writer.publish(log_files.CHECKPOINT, str(note))
        # After the file: a database that remembers more than the files shows that they were lost.
        with transaction(self.engine) as connection:
            leaves.remember(
                connection,
                size=checkpoint.size,
                root=checkpoint.root.hex(),
                signed_ms=to_millis(self.clock()),
                error=None,
            )
        self._unsigned = False
        self._told.cleared()
