"""The demo, as anyone runs it: its own root, free ports, no terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.ports import free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ACGS = Path(sys.executable).with_name("acgs")
PORTS = ("REGISTRY", "GATEWAY", "GATEWAY_ADMIN", "COMPLIANCE")
FOLDER = Path(__file__).resolve().parents[2]


def _environment(root: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ACGS_", "MLFLOW_"))}
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    return (
        kept
        | {f"ACGS_{name}_PORT": str(port) for name, port in ports.items()}
        | {"MLOPS_STORAGE_ROOT": str(root)}
    )


def _left_of(root: Path) -> list[str]:
    """Command lines of processes that still belong to the storage root."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("MLOPS_STORAGE_ROOT") == str(root):
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def plays_to_the_right_end(root: Path, *arguments: str) -> str:
    """Play the whole demo in a root, check its outcomes and what it leaves; return what it told."""
    done = subprocess.run(
        [ACGS, "demo", *arguments], cwd=FOLDER, env=_environment(root), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=800, check=False,
    )  # fmt: skip

    told = done.stdout
    assert done.returncode == 0, told + done.stderr
    assert re.search(r"All \d+ outcomes were the right ones", told)
    assert "The platform has ended" in told
    assert "its semantic version: 1.0.0" in told
    assert "the canary's weights: (10, 50, 100)" in told
    assert "fairness.equal_opportunity: expected" in told
    assert "canary: rolled_back" in told
    assert "the dossier with one bit changed: the exit code of acgs verify: 1" in told
    assert re.search(r"failed client requests during the rollout: 0 of [\d,]+", told)
    assert _left_of(root) == []
    return told


def test_the_demo_plays_its_story_to_the_right_end_and_leaves_nothing_running(
    tmp_path: Path,
) -> None:
    plays_to_the_right_end(tmp_path / "root")


def test_the_demo_refuses_a_root_whose_platform_runs(tmp_path: Path) -> None:
    import fcntl

    root = tmp_path / "root"
    (root / "run").mkdir(parents=True)
    with (root / "run" / "supervisor.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [ACGS, "demo"], cwd=FOLDER, env=_environment(root), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    assert done.returncode == 3
    assert "expected no live run" in done.stderr
    assert not (root / "constitution").exists()
