"""Runs a Python command whose temporary files lie in memory.

    python -m tests.in_memory -m pytest -n 2

SQLite and PostgreSQL have each commit written to the disk, and wait for it. The folder is mounted
for this process and those below it alone, and goes with the last of them. Root may mount one; for
others, where memory is short, or with TMPDIR set, files lie where they always do.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import psutil

from infra.confinement import kernel

NEEDED_BYTES = 12 << 30
"""Memory that must be free: an environment that a test installs takes more than a gigabyte."""
SHARE = 0.5
"""Of the free memory, what the files may take; the rest is for processes."""


def main(arguments: Sequence[str]) -> NoReturn:
    """Become the command."""
    free_bytes = psutil.virtual_memory().available
    if os.geteuid() == 0 and "TMPDIR" not in os.environ and free_bytes >= NEEDED_BYTES:
        try:
            os.environ["TMPDIR"] = str(_mounted(int(free_bytes * SHARE)))
        except OSError as err:  # a container may forbid mounts
            print(f"tests: temporary files lie on the disk: {err.strerror}", file=sys.stderr)
    os.execv(sys.executable, [sys.executable, *arguments])


def _mounted(size_bytes: int) -> Path:
    """Mount an empty file system that no other process sees; return its folder."""
    # One for all runs, since each sees its own: nothing has to be deleted after a run.
    folder = Path(tempfile.gettempdir(), "acgs-tests")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.geteuid():
        raise PermissionError(0, f"{folder} is not a folder of this user's own")
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    flags = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("tmpfs", str(folder), "tmpfs", flags, f"size={size_bytes},mode=1777")
    return folder


if __name__ == "__main__":
    main(sys.argv[1:])
