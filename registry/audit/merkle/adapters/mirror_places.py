"""Places for a second copy of the audit log: a folder, or a bucket with object lock."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from infra import durable
from infra.stores import bucket_locks
from infra.stores.errors import ObjectChangedError
from infra.stores.object_store import ObjectStore, is_s3

if TYPE_CHECKING:
    from infra.settings import Settings


class MirrorPlace(Protocol):
    """Keeps files by name; those that were added stay as they are."""

    def names(self, folder: str) -> Sequence[str]:
        """Return the names in a folder, in order."""

    def read(self, name: str) -> bytes:
        """Return a file's content."""

    def add(self, name: str, content: bytes) -> None:
        """Write a file that is kept for ever.

        Raises:
            ObjectChangedError: there is one of this name.
        """

    def replace(self, name: str, content: bytes) -> None:
        """Write a file in place of the one before."""


@dataclass(frozen=True, slots=True)
class MirrorFolder:
    """A folder, best on another machine's disk."""

    root: Path

    def names(self, folder: str) -> Sequence[str]:
        """Return the names in a folder, in order."""
        found = self.root / folder
        return sorted(p.name for p in found.iterdir() if p.name[0] != ".") if found.is_dir() else []

    def read(self, name: str) -> bytes:
        """Return a file's content."""
        return (self.root / name).read_bytes()

    def add(self, name: str, content: bytes) -> None:
        """Write a file that is kept; see `MirrorPlace.add`."""
        path = self.root / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        durable.replace(draft, content)
        try:
            # A link, unlike a rename, fails if the name is taken.
            os.link(draft, path)
        except FileExistsError as err:
            raise ObjectChangedError(f"{path}: expected no such file, found one") from err
        finally:
            draft.unlink()
        durable.sync_folder(path.parent)

    def replace(self, name: str, content: bytes) -> None:
        """Write a file in place of the one before."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable.replace(self.root / name, content)


@dataclass(frozen=True, slots=True)
class MirrorBucket:
    """A bucket. Where it has object lock, what was added is put under a legal hold."""

    store: ObjectStore

    def names(self, folder: str) -> Sequence[str]:
        """Return the names in a folder, in order."""
        return sorted(e.key.removeprefix(f"{folder}/") for e in self.store.entries(f"{folder}/"))

    def read(self, name: str) -> bytes:
        """Return a file's content."""
        return self.store.read(name)

    def add(self, name: str, content: bytes) -> None:
        """Write a file that is kept; see `MirrorPlace.add`."""
        self.store.write(name, content, only_new=True)
        if bucket_locks.enabled(self.store):
            bucket_locks.hold(self.store, name)

    def replace(self, name: str, content: bytes) -> None:
        """Write a file in place of the one before."""
        self.store.write(name, content)


def mirror_place(settings: Settings, uri: str) -> MirrorPlace:
    """Return the place that a setting names; connects to nothing yet.

    Raises:
        UsageError: an `s3://` URI has another form.
    """
    if is_s3(uri):
        return MirrorBucket(ObjectStore.of(settings, uri))
    return MirrorFolder(Path(uri).expanduser().absolute())
