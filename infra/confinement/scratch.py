"""Makes and removes the scratch folder of a process that has no file system of its own."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from infra.confinement.plan import SCRATCH, Means


@contextlib.contextmanager
def scratch_folder(means: Collection[Means]) -> Iterator[Path]:
    """Give a folder of the machine to write to; removed after, whatever was left in it.

    Where the layers hold a file system of its own none is made.
    """
    if Means.FILE_SYSTEM in means:
        yield SCRATCH
        return
    folder = Path(tempfile.mkdtemp(prefix="acgs-scratch-"))
    try:
        yield folder
    finally:
        remove(folder)


def remove(folder: Path) -> None:
    """Remove a folder in which nobody works any more, however deep and closed what it holds is.

    Folders are moved up instead of entered one inside of the other: neither the length of a path,
    nor the number of open files, nor Python's stack bounds how deep they may be.

    Raises:
        OSError: something in it cannot be removed.
    """
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    # No name that a model could have taken.
    names = (f"{secrets.token_hex(8)}-{number}" for number in itertools.count())
    try:
        while found := os.listdir(top):
            for name in found:
                if not _unlinked(name, top):
                    _take_out(name, top, names)
    finally:
        os.close(top)
    folder.rmdir()


def _take_out(name: str, top: int, names: Iterator[str]) -> None:
    """Remove one folder, after moving the folders in it beside it."""
    inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
    try:
        for child in os.listdir(inner):
            if not _unlinked(child, inner):
                os.rename(child, next(names), src_dir_fd=inner, dst_dir_fd=top)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=top)


def _unlinked(name: str, parent: int) -> bool:
    """Remove what is no folder; open a folder to its owner, and return False."""
    try:
        os.unlink(name, dir_fd=parent)
    except IsADirectoryError:
        os.chmod(name, 0o700, dir_fd=parent)
        return False
    return True
