"""Caches programs outside every clone; each is built once, even if many ask at a time."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.servers.errors import ServerMissingError

NAME = "acgs-mlops"
READABLE = Path("/var/cache") / NAME
"""For programs that root installs and another user runs: root's own cache is closed to others."""


def cache_folder() -> Path:
    """Return this user's cache folder; create it if it is missing.

    Raises:
        ServerMissingError: the folder belongs to somebody else, who could plant programs there.
    """
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = Path(base) / NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        # No home that can be written to, as for many service accounts.
        folder = Path(tempfile.gettempdir()) / f"{NAME}-{os.geteuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & stat.S_IWOTH:
        raise ServerMissingError(
            f"cannot keep programs in {folder}: expected a folder of user {os.geteuid()} that "
            f"nobody else may write to, found owner {found.st_uid}, mode {found.st_mode & 0o777:o}",
            hint="name another folder: XDG_CACHE_HOME=FOLDER",
        )
    return folder


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold a file lock that all processes of this user share: the second waits for the first."""
    with (cache_folder() / f".{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
