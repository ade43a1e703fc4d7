"""What files a model version consists of, and the one digest that stands for all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from registry.domain import canonical

FORMAT = 1


@dataclass(frozen=True, slots=True, order=True)
class FileEntry:
    """One file.

    Attributes:
        path: relative to the artifact's root, `/` between parts on every system.
        size_bytes: length, >= 0.
        sha256: 64 hex digits.
    """

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """All files of one artifact, ordered by path; no file is left out."""

    files: tuple[FileEntry, ...]

    @classmethod
    def of(cls, files: Iterable[FileEntry]) -> Manifest:
        """Build a manifest from entries in any order."""
        return cls(tuple(sorted(files)))

    def document(self) -> dict[str, object]:
        """Return the manifest as a JSON value."""
        return {
            "format": FORMAT,
            "files": [
                {"path": f.path, "size_bytes": f.size_bytes, "sha256": f.sha256} for f in self.files
            ],
        }

    @property
    def digest(self) -> str:
        """`sha256:<hex>` over the canonical document."""
        return canonical.digest(self.document())


def difference(registered: Manifest, found: Manifest) -> tuple[str, ...]:
    """Say what changed, one line per file, ordered by path; empty when nothing did."""
    before = {f.path: f for f in registered.files}
    after = {f.path: f for f in found.files}
    lines = []
    for path in sorted(before | after):
        if path not in after:
            lines.append(f"{path}: missing")
        elif path not in before:
            lines.append(f"{path}: added")
        elif before[path] != after[path]:
            lines.append(f"{path}: content changed")
    return tuple(lines)
