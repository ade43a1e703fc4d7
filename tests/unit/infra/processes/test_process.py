from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.errors import UsageError
from infra.processes import process
from infra.processes.process import Identity
from infra.settings import Settings

SLEEP = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('deaf', flush=True); time.sleep(60)"
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(storage_root=tmp_path)


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []
    yield running
    for child in running:
        child.kill()
        child.wait()
        if child.stdout:
            child.stdout.close()


def start(running: list[subprocess.Popen[bytes]], code: str = SLEEP) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        [sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE
    )
    running.append(child)
    return child


def test_an_identity_lives_as_long_as_its_process(
    started: list[subprocess.Popen[bytes]],
) -> None:
    child = start(started)
    identity = Identity.of(child.pid)
    assert identity.alive()
    child.kill()
    assert process.wait_gone([identity], seconds=5) == []  # a zombie has ended, too
    child.wait()
    assert not identity.alive()


def test_a_reused_pid_is_another_process(started: list[subprocess.Popen[bytes]]) -> None:
    child = start(started)
    earlier = Identity(child.pid, "another-boot:17")
    assert not earlier.alive()
    earlier.send(signal.SIGKILL)
    time.sleep(0.1)
    assert child.poll() is None


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(
    started: list[subprocess.Popen[bytes]],
) -> None:
    polite, stubborn = start(started), start(started, STUBBORN)
    assert stubborn.stdout is not None
    stubborn.stdout.readline()
    identities = [Identity.of(polite.pid), Identity.of(stubborn.pid)]
    assert process.end(identities, grace_seconds=0.3) == [identities[1]]
    assert (polite.wait(), stubborn.wait()) == (-signal.SIGTERM, -signal.SIGKILL)


def test_recorded_children_are_ended_and_forgotten(
    settings: Settings, started: list[subprocess.Popen[bytes]]
) -> None:
    child = start(started)
    recorded = process.record_child(settings, "model-a.1", child.pid)
    process.record_child(settings, "long-gone", child.pid)
    process.forget_child(settings, "long-gone")
    process.forget_child(settings, "long-gone")
    assert process.children(settings) == [recorded]
    assert process.end_children(settings.storage_root, grace_seconds=2) == [recorded]
    assert process.children(settings) == []
    assert child.wait() == -signal.SIGTERM


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b"])
def test_a_child_name_is_no_path(settings: Settings, name: str) -> None:
    with pytest.raises(UsageError):
        process.record_child(settings, name, 1)
