"""Reads the files of an audit log.

    checkpoint                     the newest checkpoint, signed by the log
    cosigned                       the newest checkpoint that a witness cosigned
    entries/000000000000000.jsonl  entries, one a line; named by the number of the first
    hashes                         hashes of the tree, derived from the entries; never trusted

Each file of entries ends where the next begins. Lines after the checkpoint's size are not signed
yet, and a last line without its newline is not written to its end yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from registry.audit.merkle.errors import MalformedError, NotProvenError

CHECKPOINT = "checkpoint"
COSIGNED = "cosigned"
ENTRIES = "entries"
HASHES = "hashes"
SEGMENT = 65_536
"""Entries in a file; a mirror may have smaller files."""

_DIGITS, _SUFFIX = 15, ".jsonl"
_LARGEST_NOTE_BYTES = 64 * 1024


def segment_name(first: int) -> str:
    """Return the name of the file whose first entry has a number."""
    return f"{first:0{_DIGITS}}{_SUFFIX}"


def segments(folder: Path) -> list[tuple[int, Path]]:
    """Return the files of entries by the number of their first entry."""
    found = []
    for path in (folder / ENTRIES).glob(f"*{_SUFFIX}"):
        first = segment_first(path.name)
        if first is not None:
            found.append((first, path))
    return sorted(found)


def entries(folder: Path) -> Iterator[bytes]:
    """Yield every entry in the order of the log, read as a stream.

    Raises:
        NotProvenError: a file is missing, or does not end where the next begins.
    """
    count = 0
    for first, path in segments(folder):
        if first != count:
            raise NotProvenError(
                f"expected a file with entry {count} next, found {path.name}: "
                f"{'entries are missing' if first > count else 'entries stand in two files'}",
                hint="copy the whole folder again",
            )
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return
                count += 1
                yield line[:-1]


def segment_first(name: str) -> int | None:
    """Return the number of the first entry of a file, by its name; None for another file."""
    number = name.removesuffix(_SUFFIX)
    is_segment = name.endswith(_SUFFIX) and len(number) == _DIGITS
    return int(number) if is_segment and number.isascii() and number.isdecimal() else None


def some_entries(folder: Path, first: int, count: int) -> list[bytes]:
    """Return entries from a number on; fewer where the log ends."""
    found: list[bytes] = []
    files = segments(folder)
    for place, (start, path) in enumerate(files):
        is_before = place + 1 < len(files) and files[place + 1][0] <= first
        if is_before or start >= first + count:
            continue
        with path.open("rb") as file:
            wanted = islice(file, max(first - start, 0), first + count - start)
            found += [line[:-1] for line in wanted if line.endswith(b"\n")]
    return found


def note(folder: Path, name: str) -> str | None:
    """Return the text of a note in the folder; None if there is no such file.

    Raises:
        MalformedError: the file is no text, or too large for a note.
    """
    try:
        with (folder / name).open("rb") as file:
            raw = file.read(_LARGEST_NOTE_BYTES + 1)
    except FileNotFoundError:
        return None
    try:
        if len(raw) <= _LARGEST_NOTE_BYTES:
            return raw.decode()
    except UnicodeDecodeError:
        pass
    raise MalformedError(f"{folder / name}: expected a signed note, found something else")
