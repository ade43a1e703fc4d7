"""Writes the files of an audit log, one process at a time, so that a crash anywhere loses nothing.

Entries are on the disk before a checkpoint that covers them is signed. What lies after the last
checkpoint is cut off at the start and written again from the database: it was never signed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from infra import durable
from infra.errors import storage_error
from registry.audit.merkle.adapters import log_files
from registry.audit.merkle.adapters.hash_file import HashFile
from registry.audit.merkle.adapters.log_files import SEGMENT
from registry.audit.merkle.domain.checkpoint import Checkpoint
from registry.audit.merkle.domain.tree import EMPTY_ROOT, Frontier, leaf_hash
from registry.audit.merkle.errors import LogBrokenError

LOCK = "lock"
_HINT = (
    "restore the folder from its mirror or a backup; acgs audit verify FOLDER names what is wrong"
)


@dataclass(slots=True)
class LogWriter:
    """An audit log that is open for writing; the lock is held until it is closed.

    Attributes:
        folder: of the log.
        tree: right edge of the tree of all entries that were written.
    """

    folder: Path
    tree: Frontier
    _hashes: HashFile
    _lock: BinaryIO
    _segment: BinaryIO | None = None

    @classmethod
    def open(cls, folder: Path, checkpoint: Checkpoint | None) -> LogWriter:
        """Open a log at its last checkpoint, and cut off what lies after it.

        Args:
            folder: of the log; made if it is missing.
            checkpoint: the log's last one, whose signature was checked; None before the first.

        Raises:
            LogBrokenError: another process writes there, or the entries are not those that were
                signed.
        """
        size = 0 if checkpoint is None else checkpoint.size
        (folder / log_files.ENTRIES).mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / LOCK).open("ab")
        try:
            _lock(lock, folder)
            hashes = HashFile.open(folder, write=True)
        except BaseException:
            lock.close()
            raise
        writer = cls(folder, Frontier(), hashes, lock)
        try:
            _cut(folder, size)
            writer._read_tree(size, EMPTY_ROOT if checkpoint is None else checkpoint.root)
            hashes.cut(size)
        except BaseException:
            writer.close()
            raise
        return writer

    def append(self, entries: Sequence[bytes], leaves: Sequence[bytes]) -> None:
        """Write entries, and wait until they are on the disk.

        Args:
            entries: the next ones.
            leaves: their hashes.
        """
        start, made = self.tree.size, list[bytes]()
        for leaf in leaves:
            made += self.tree.append(leaf)
        self._hashes.append(start, made)
        done = 0
        while done < len(entries):
            room = SEGMENT - (start + done) % SEGMENT
            self._write(start + done, entries[done : done + room])
            done += room

    def _write(self, first: int, entries: Sequence[bytes]) -> None:
        beginning = first % SEGMENT == 0
        if beginning or self._segment is None:
            self._close_segment()
            # The last file goes on; in a folder restored from a mirror it may begin anywhere.
            last = None if beginning else log_files.segments(self.folder)[-1][1]
            path = last or self.folder / log_files.ENTRIES / log_files.segment_name(first)
            self._segment = path.open("ab")
        self._segment.write(b"\n".join(entries) + b"\n")
        self._segment.flush()
        os.fdatasync(self._segment.fileno())
        if beginning:
            durable.sync_folder(self.folder / log_files.ENTRIES)

    def publish(self, name: str, note: str) -> None:
        """Replace a note of the folder, durably."""
        durable.replace(self.folder / name, note.encode())

    def leaf_at(self, sequence: int) -> bytes:
        """Return the hash of an entry that was written."""
        return self._hashes.node(0, sequence)

    def close(self) -> None:
        """Close the files, and let another process write."""
        self._close_segment()
        self._hashes.__exit__(None, None, None)
        self._lock.close()

    def _close_segment(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    def _read_tree(self, size: int, root: bytes) -> None:
        try:
            self.tree = self._hashes.frontier(size)
            if self.tree.root() == root:
                return
        except LookupError:
            pass
        self._make_hashes(size)
        if self.tree.root() != root:
            raise LogBrokenError(
                f"{self.folder}: expected entries that give the root of the checkpoint of size "
                f"{size}, found others",
                hint=_HINT,
            )

    def _make_hashes(self, size: int) -> None:
        """Make the hashes again, from the entries."""
        self.tree, made = Frontier(), list[bytes]()
        start = 0
        self._hashes.cut(0)
        for entry in log_files.entries(self.folder):
            made += self.tree.append(leaf_hash(entry))
            if self.tree.size % SEGMENT == 0 or self.tree.size == size:
                self._hashes.append(start, made)
                start, made = self.tree.size, []


def _lock(file: BinaryIO, folder: Path) -> None:
    try:
        # The kernel gives it up for a process that is killed.
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as err:
        raise LogBrokenError(
            f"expected to write {folder} alone, found another process that writes there",
            hint="run one manager for each folder, or one platform for each database",
        ) from err


def _cut(folder: Path, size: int) -> None:
    """Remove entries from `size` on.

    Raises:
        LogBrokenError: there are fewer.
    """
    found = log_files.segments(folder)
    kept = [(first, path) for first, path in found if first < size]
    for first, path in reversed(found):
        if first >= size:
            path.unlink()
    if not size:
        return
    first, path = kept[-1] if kept else (0, folder)
    there = _cut_lines(path, size - first) if kept else 0
    if first + there < size:
        raise LogBrokenError(
            f"{folder}: expected {size} entries, as the checkpoint says, found {first + there}",
            hint=_HINT,
        )


def _cut_lines(path: Path, count: int) -> int:
    """Remove the lines after the first `count`; return how many are left."""
    end = lines = 0
    with path.open("r+b") as file:
        for line in file:
            if lines == count or not line.endswith(b"\n"):
                break
            end += len(line)
            lines += 1
        if file.seek(0, os.SEEK_END) > end:
            file.truncate(end)
            os.fsync(file.fileno())
    return lines


def disk_error(error: OSError, folder: Path) -> LogBrokenError:
    """Return what a failing disk means for the log."""
    known = storage_error(error, folder)
    if known is not None:
        return LogBrokenError(known.message, hint=known.hint)
    return LogBrokenError(f"cannot write {folder}: {error.strerror or error}", hint=_HINT)
