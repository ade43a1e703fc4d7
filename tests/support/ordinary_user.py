"""Runs tests as an ordinary user when the whole suite runs as root.

`python -m tests.support.ordinary_user ARGUMENTS` runs pytest as `nobody`. Where the interpreter or
the clone lies in a folder that only root may enter, a view of the file system is made, for these
processes alone, in which the user may.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from infra.confinement import kernel

NOBODY = 65534
CLONE = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> NoReturn:
    """Run pytest as nobody and end with its exit code."""
    home = Path(tempfile.mkdtemp(prefix="acgs-ordinary-"))
    os.chown(home, NOBODY, NOBODY)
    _open([Path(sys.prefix), Path(sys.executable).resolve().parents[1], CLONE])
    environment = {**os.environ, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    for name in [name for name in environment if name.startswith("PYTEST_")]:
        del environment[name]
    words = ["-p", "no:cacheprovider", "--basetemp", str(home / "tests"), *arguments]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *words],
            env=environment, cwd=CLONE, user=NOBODY, group=NOBODY, extra_groups=(), check=False,
        )  # fmt: skip
    finally:
        shutil.rmtree(home)
    sys.exit(done.returncode)


def _open(folders: Iterable[Path]) -> None:
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    opened = {folder: os.open(folder, os.O_PATH) for folder in folders}
    covered: set[Path] = set()
    for folder, fd in opened.items():
        closed = _closed(folder)
        if closed is None:
            continue
        if closed not in covered:
            kernel.mount("tmpfs", str(closed), "tmpfs", 0, "mode=0755")
            covered.add(closed)
        folder.mkdir(parents=True, exist_ok=True)
        kernel.mount(f"/proc/self/fd/{fd}", str(folder), None, kernel.MS_BIND | kernel.MS_REC)
    for fd in opened.values():
        os.close(fd)


def _closed(folder: Path) -> Path | None:
    """Return the outermost folder on the way that others may not enter."""
    for parent in [*reversed(folder.parents), folder]:
        if not parent.stat().st_mode & stat.S_IXOTH:
            return parent
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
