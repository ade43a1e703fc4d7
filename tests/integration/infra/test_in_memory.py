"""`make test` keeps its temporary files in memory, out of everybody else's sight."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from tests.in_memory import NEEDED_BYTES

SHOWS = """
import subprocess, tempfile
folder = tempfile.mkdtemp()
kind = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True).stdout
print(folder, kind.strip())
"""


def shown(**more: str) -> tuple[Path, str]:
    """Run a command in memory; return a temporary folder of its own, and on what it lay."""
    environment = {k: v for k, v in os.environ.items() if k != "TMPDIR"} | more
    done = subprocess.run(
        [sys.executable, "-m", "tests.in_memory", "-c", SHOWS],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    folder, kind = done.stdout.split()
    return Path(folder), kind


@pytest.mark.skipif(
    os.geteuid() != 0 or psutil.virtual_memory().available < NEEDED_BYTES,
    reason="only root may mount a file system, and only where memory is free",
)
def test_temporary_files_lie_in_memory_where_nobody_else_sees_them() -> None:
    if psutil.virtual_memory().available < NEEDED_BYTES:
        pytest.skip("memory is not free any more")
    folder, kind = shown()
    assert kind == "tmpfs"
    assert not folder.exists()


def test_a_folder_that_somebody_named_is_used(tmp_path: Path) -> None:
    folder, _ = shown(TMPDIR=str(tmp_path))
    assert folder.parent == tmp_path
    assert folder.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may mount one")
def test_without_the_right_to_mount_files_lie_where_they_always_do() -> None:
    folder, _ = shown()
    assert folder.parent == Path(tempfile.gettempdir())
