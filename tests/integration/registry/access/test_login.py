"""`acgs whoami` and `acgs login` say what the running server says, and need one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.processes import running
from infra.processes.process import Identity
from infra.processes.running import SupervisorRecord
from tests.support.platform import write_constitution
from tests.support.replicas import replicas


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A storage root whose registry server runs, as `acgs up` records it."""
    folder = tmp_path_factory.mktemp("root")
    write_constitution(folder)
    with replicas(folder, 1) as [url]:
        flags = {"ACGS_HOST": "127.0.0.1", "ACGS_REGISTRY_PORT": url.rpartition(":")[2]}
        running.write_supervisor(folder, SupervisorRecord(Identity.mine(), time.time(), flags))
        yield folder


def acgs(root: Path, *words: str, asked: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("ACGS_", "MLOPS_", "MLFLOW_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "infra", *words],
        env={**inherited, "MLOPS_STORAGE_ROOT": str(root), "HOME": str(root), **more},
        input=asked, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_whoami_shows_as_whom_the_server_knows_the_caller(root: Path) -> None:
    found = acgs(root, "whoami", "--json", LOGNAME="alice")
    assert json.loads(found.stdout) == {
        "name": "alice",
        "key": "alice",
        "kind": "person",
        "groups": [],
        "source": "claim",
        "notice": "Names are claims: this server is open and checks no name.",
    }
    named = acgs(root, "whoami", LOGNAME="alice", MLFLOW_TRACKING_USERNAME="Ben")
    assert named.stdout == "Ben (person, by claim)\n"
    assert "Names are claims" in named.stderr


def test_there_is_nothing_to_log_in_to_at_an_open_server(root: Path) -> None:
    refused = acgs(root, "login", asked="alice\nsecret\n")
    assert refused.returncode == 1
    assert "found an open one" in refused.stderr
    assert not (root / ".config").exists()


@pytest.mark.parametrize("command", ["whoami", "login", "logout"])
def test_without_a_server_nobody_is_known(tmp_path: Path, command: str) -> None:
    refused = acgs(tmp_path, command, asked="x\ny\n")
    assert refused.returncode == 3
    assert "expected a running platform" in refused.stderr
