"""The verifier on the page for auditors, which uses nothing of the platform, says the same."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from registry.audit.merkle.adapters import log_files
from tests.docs.code_facts import ROOT
from tests.integration.registry.audit.kit import Desk

PAGE = ROOT / "docs" / "how-to" / "verify-the-audit-trail.md"


def verified(desk: Desk, tmp_path: Path) -> int:
    code = re.search(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert code is not None
    (tmp_path / "verifier.py").write_text(code[1])
    command = [sys.executable, "-I", "verifier.py", str(desk.folder), str(desk.key_file)]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode


@pytest.mark.parametrize("count", [1, 2, 7, 8])
def test_it_verifies_a_log_and_sees_a_change(small_desk: Desk, tmp_path: Path, count: int) -> None:
    small_desk.record(count)
    small_desk.sequencer.round()
    assert verified(small_desk, tmp_path) == 0
    _first, path = log_files.segments(small_desk.folder)[0]
    path.write_text(path.read_text().replace("alice", "bob", 1))
    assert verified(small_desk, tmp_path) != 0
