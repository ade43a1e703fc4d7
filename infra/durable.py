"""Writes files so that they are there after a crash, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4


def replace(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file: a reader, or a machine that lost its power, sees the old one or the new one.

    Args:
        path: of the file; its folder exists.
        content: of the new file.
        mode: of the new file, as far as the umask lets it.
    """
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until a folder's new names are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
