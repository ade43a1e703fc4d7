"""Lists the files of a model version, and the one digest that stands for all of them.

Names are kept unchanged: two that only look alike (NFC and NFD forms of `é`) are two files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from registry.domain import canonical

FORMAT = 1
MAX_FOLDERS = 32
"""Folders above a file, inside of the artifact. MLflow's own models have up to four."""


@dataclass(frozen=True, slots=True, order=True)
class FileEntry:
    """One file.

    Attributes:
        path: relative to the artifact's root, `/` between parts on every system.
        size_bytes: length, >= 0.
        sha256: 64 hex digits.

    Raises:
        ValueError: the path is absolute, points outside, or cannot be written as UTF-8.
    """

    path: str
    size_bytes: int
    sha256: str

    def __post_init__(self) -> None:
        require_plain(self.path)


def require_plain(path: str) -> None:
    """Refuse a path that some reader could take for anything but one file below a folder.

    Raises:
        ValueError: it is absolute, has empty, `.` or `..` parts, a NUL, or is not valid UTF-8.
    """
    if any(part in {"", ".", ".."} for part in path.split("/")) or "\0" in path:
        raise ValueError(f"expected a relative path without '.', '..' or '//', found {path!r}")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise ValueError(f"expected a file name in UTF-8, found {path!r}") from None


def is_shallow(path: str) -> bool:
    """Return whether a file is nested so little that it can be read and copied anywhere."""
    return path.count("/") <= MAX_FOLDERS


def require_apart(paths: Collection[str]) -> None:
    """Refuse a file that is a folder around another, as only object stores can hold.

    Raises:
        ValueError: there is one.
    """
    files = set(paths)
    for path in paths:
        around = path
        while around := around.rpartition("/")[0]:
            if around in files:
                raise ValueError(f"expected a file or a folder, found both: {around!r}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """All files of one artifact, ordered by path, without exception."""

    files: tuple[FileEntry, ...]

    @classmethod
    def of(cls, files: Iterable[FileEntry]) -> Manifest:
        """Build a manifest from entries in any order.

        Raises:
            ValueError: two entries have the same path.
        """
        ordered = tuple(sorted(files))
        for one, other in pairwise(ordered):
            if one.path == other.path:
                raise ValueError(f"expected each path once, found {one.path!r} twice")
        return cls(ordered)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Manifest:
        """Read what `document` wrote.

        Raises:
            ValueError: it is of another format.
        """
        if document.get("format") != FORMAT:
            raise ValueError(f"expected manifest format {FORMAT}, found {document.get('format')}")
        return cls.of(FileEntry(**file) for file in document["files"])

    def document(self) -> dict[str, object]:
        """Return the manifest as a JSON value."""
        return {
            "format": FORMAT,
            "files": [
                {"path": f.path, "size_bytes": f.size_bytes, "sha256": f.sha256} for f in self.files
            ],
        }

    def entry(self, path: str) -> FileEntry | None:
        """Return what it says of one file; None if it names no such file."""
        return next((file for file in self.files if file.path == path), None)

    @property
    def digest(self) -> str:
        """`sha256:<hex>` over the canonical document."""
        return canonical.digest(self.document())

    @property
    def size_bytes(self) -> int:
        """The length of all files together."""
        return sum(file.size_bytes for file in self.files)


class ChangeKind(StrEnum):
    """Says what happened to one file."""

    MISSING = "missing"
    ADDED = "added"
    CHANGED = "changed"
    SWAPPED = "swapped"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference; `other` is the file that a swapped one changed places with."""

    path: str
    kind: ChangeKind
    other: str = ""

    def __str__(self) -> str:
        match self.kind:
            case ChangeKind.MISSING | ChangeKind.ADDED:
                return f"{self.path}: {self.kind}"
            case ChangeKind.CHANGED:
                return f"{self.path}: content changed"
            case ChangeKind.SWAPPED:
                return f"{self.path}: swapped with {self.other}"


def changes(registered: Manifest, found: Manifest) -> tuple[Change, ...]:
    """Return what changed, ordered by path; empty exactly when nothing did."""
    before = {file.path: file for file in registered.files}
    after = {file.path: file for file in found.files}
    return tuple(
        _change(path, before, after)
        for path in sorted(before | after)
        if before.get(path) != after.get(path)
    )


def difference(registered: Manifest, found: Manifest) -> tuple[str, ...]:
    """Return what changed, one line per file, ordered by path; empty when nothing did."""
    return tuple(str(change) for change in changes(registered, found))


def _change(path: str, before: Mapping[str, FileEntry], after: Mapping[str, FileEntry]) -> Change:
    if path not in after:
        return Change(path, ChangeKind.MISSING)
    if path not in before:
        return Change(path, ChangeKind.ADDED)
    was, now = before[path].sha256, after[path].sha256
    for other in sorted(before.keys() & after.keys()):
        if was != now and before[other].sha256 == now and after[other].sha256 == was:
            return Change(path, ChangeKind.SWAPPED, other)
    return Change(path, ChangeKind.CHANGED)
