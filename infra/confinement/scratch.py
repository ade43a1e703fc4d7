"""Makes and removes the scratch folder of a process that has no file system of its own.

A launcher locks its folder, which the kernel drops when the launcher dies. So a folder
that nobody holds was left by a launcher that was killed, and the next one removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import secrets
import stat
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from infra.confinement.plan import SCRATCH, Means

_PREFIX = "acgs-scratch-"


@contextlib.contextmanager
def scratch_folder(means: Collection[Means]) -> Iterator[Path]:
    """Yield a writable folder of the machine, and remove it with its content afterwards.

    Where the layers hold a file system of its own none is made.
    """
    if Means.FILE_SYSTEM in means:
        yield SCRATCH
        return
    _remove_left()
    folder, lock = _made()
    try:
        yield folder
    finally:
        try:
            remove(folder)
        finally:
            os.close(lock)


def _made() -> tuple[Path, int]:
    """Create a folder; return it with the descriptor that holds its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with contextlib.suppress(FileNotFoundError):  # removed by another before it was locked
            lock = _locked(folder)
            if lock is not None:
                return folder, lock


def _remove_left() -> None:
    """Remove this user's folders that no launcher holds."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        # Another launcher may remove it too; and what is in the way of one stops no other.
        with contextlib.suppress(OSError):
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                continue
            lock = _locked(folder)
            if lock is None:
                continue
            try:
                remove(folder)
            finally:
                os.close(lock)


def _locked(folder: Path) -> int | None:
    """Lock a folder; return the descriptor that holds the lock, or None if another does."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_nlink:  # none: removed between the two
            return lock
    except BlockingIOError:
        pass
    os.close(lock)
    return None


def remove(folder: Path) -> None:
    """Remove an abandoned folder, however deep it is and whatever modes its content has.

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
    """Remove a file and return True; for a folder, give its owner access and return False."""
    try:
        os.unlink(name, dir_fd=parent)
    except IsADirectoryError:
        os.chmod(name, 0o700, dir_fd=parent)
        return False
    return True
