from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.component import Health, Probe, Role
from infra.processes import running, status
from infra.processes.process import Identity
from infra.processes.running import RoleRecord, SupervisorRecord
from infra.settings import Settings


def _never(_settings: Settings, _stop: threading.Event) -> None:
    raise AssertionError("no role is run here")


def role(name: str) -> Role:
    return Role(name, "a toy", run=_never, ready=lambda _settings: Probe(name, Health.OK))


@pytest.fixture
def living() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield child
    child.kill()
    child.wait()


def test_after_a_kill_of_the_supervisor_nothing_is_said_to_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, living: subprocess.Popen[bytes]
) -> None:
    known = {name: role(name) for name in ("dead", "lives", "paused")}
    monkeypatch.setattr(status, "roles_of_the_platform", lambda: known)
    corpse = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    zombie = Identity.of(corpse.pid)
    corpse.kill()
    # Not reaped: a zombie keeps its pid.
    assert subprocess.run(["sh", "-c", f"kill -0 {corpse.pid}"], check=False).returncode == 0
    running.write_supervisor(tmp_path, SupervisorRecord(zombie, since=1.0))
    running.write_roles(
        tmp_path,
        [
            RoleRecord("dead", "ready", zombie, 0, 1.0),
            RoleRecord("lives", "ready", Identity.of(living.pid), 0, 1.0),
            RoleRecord("paused", "restarting", None, 1, 1.0, "starting again in 30 s"),
        ],
    )
    while zombie.alive():
        pass
    found = status.look(Settings(storage_root=tmp_path))
    assert (found.running, found.pid, found.ready) == (False, None, False)
    assert [(r.name, r.state, r.pid) for r in found.roles] == [
        ("dead", "stopped", None),
        ("lives", "orphaned", living.pid),
        ("paused", "stopped", None),
    ]
    corpse.wait()
