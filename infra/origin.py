"""Where this copy of the platform comes from: the locks it installs from, the commit of its code.

A wheel carries both (`setup.py`); a clone has them beside the packages.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def lock(name: str) -> Path:
    """Return the lock of that name, such as `serving.txt`."""
    shipped = _PACKAGE / "requirements" / name
    return shipped if shipped.is_file() else _PACKAGE.parent / "requirements" / name


def commit(package: Path = _PACKAGE) -> str | None:
    """Return the commit of the code in `package`, or None where nobody knows it."""
    shipped = package / "commit.txt"
    if shipped.is_file():
        return shipped.read_text().strip() or None
    try:
        found = subprocess.run(
            # Only where the code itself is committed: the environment may lie in the folder of
            # another project, whose commit says nothing about it.
            ["git", "rev-parse", "HEAD", "HEAD:./__init__.py"],
            cwd=package,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.split()[0]
