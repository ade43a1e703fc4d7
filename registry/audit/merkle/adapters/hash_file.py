"""Stores the hashes of the tree's full subtrees, so that a proof reads a few of a million.

The file is derived from the entries and may be thrown away: it is made again. Whoever reads from
it checks what comes out against a signed root.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from registry.audit.merkle.adapters.log_files import HASHES
from registry.audit.merkle.domain.tree import (
    HASH_BYTES,
    Frontier,
    peak_places,
    stored_count,
    stored_place,
)


@dataclass(slots=True)
class HashFile:
    """An open file of hashes, in the order in which `Frontier.append` makes them."""

    descriptor: int

    @classmethod
    def open(cls, folder: Path, *, write: bool = False) -> HashFile:
        """Open the hashes of a log.

        Raises:
            FileNotFoundError: there are none, and the file is only to be read.
        """
        flags = os.O_RDWR | os.O_CREAT if write else os.O_RDONLY
        return cls(os.open(folder / HASHES, flags | os.O_CLOEXEC, 0o600))

    def __enter__(self) -> HashFile:
        """Return the file itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        os.close(self.descriptor)

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a full subtree.

        Raises:
            LookupError: the file ends before it.
        """
        place = stored_place(level, index)
        found = os.pread(self.descriptor, HASH_BYTES, HASH_BYTES * place)
        if len(found) != HASH_BYTES:
            raise LookupError(f"expected a hash at {place}, found the end of the file")
        return found

    def frontier(self, size: int) -> Frontier:
        """Return the right edge of the tree of `size`.

        Raises:
            LookupError: the file has fewer hashes.
        """
        return Frontier(size, [self.node(level, index) for level, index in peak_places(size)])

    def cut(self, size: int) -> None:
        """Remove what belongs to a larger tree than that of `size`."""
        os.ftruncate(self.descriptor, HASH_BYTES * stored_count(size))

    def append(self, size: int, hashes: Iterable[bytes]) -> None:
        """Write the hashes that a tree of `size` got next."""
        content, start = b"".join(hashes), HASH_BYTES * stored_count(size)
        while content:
            written = os.pwrite(self.descriptor, content, start)
            content, start = content[written:], start + written
