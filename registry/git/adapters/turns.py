"""Lets one process at a time write to a repository: git's own locks refuse, and never wait."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.git.adapters.repository import LOCAL_SECONDS, Repository
from registry.git.errors import LockedError, error_of

LOCK = "acgs.lock"
"""File in the git directory that a writer of tags locks; the empty file is never removed."""

_LOOK_SECONDS = 0.02


@contextmanager
def writing(repository: Repository) -> Iterator[None]:
    """Hold the write lock of a repository for the block: the role and a manual sync take turns.

    Raises:
        LockedError: another one did not end.
        GitError: the repository cannot be written.
    """
    # Work trees of one repository share their tags, and so the lock.
    common = repository.read("rev-parse", "--git-common-dir").rstrip(b"\n")
    path = repository.path / os.fsdecode(common) / LOCK
    try:
        file = path.open("ab")
    except OSError as err:
        raise error_of("lock", f"error: unable to create '{path}': {err.strerror}") from err
    with file:
        _await_turn(file.fileno(), path)
        yield


def _await_turn(descriptor: int, path: Path) -> None:
    limit = time.monotonic() + LOCAL_SECONDS
    while True:
        try:
            # The kernel gives it up for a process that is killed.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            if time.monotonic() >= limit:
                raise LockedError(
                    f"expected to write alone, found {path} locked for {LOCAL_SECONDS:g} s",
                    hint="another role git or acgs git sync writes there; it is tried again",
                ) from err
            time.sleep(_LOOK_SECONDS)
        else:
            return
