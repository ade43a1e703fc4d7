"""What confines a model started by root confines one that an ordinary user starts.

A file of its own, so that another worker runs it beside the same tests as root.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.skipif(os.geteuid() != 0, reason="the tests beside ran as an ordinary user already")
@pytest.mark.parametrize(("file", "count"), [("test_attempts.py", 11), ("test_launch.py", 22)])
def test_the_same_holds_for_an_ordinary_user(file: str, count: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.ordinary_user", "-n", "0", str(HERE / file)],
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert f"\n{count} passed" in done.stdout
