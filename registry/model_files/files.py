"""Reads files of a folder by an unknown author, where a name may hide a pipe or a device."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from registry.model_files.errors import MalformedError


def read(path: Path, limit_bytes: int) -> bytes:
    """Return the bytes of a regular file; follows no link and waits for no writer.

    Raises:
        MalformedError: the name stands for something else, or for more than `limit_bytes`.
        OSError: the file cannot be read.
    """
    if path.is_symlink():
        raise MalformedError("a link where a file belongs")
    # Between that look and this call a link may come: then opening fails.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise MalformedError("a pipe, a device or a folder where a file belongs")
        if found.st_size > limit_bytes:
            raise MalformedError(f"larger than {limit_bytes} bytes")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(found.st_size)
    finally:
        os.close(descriptor)
