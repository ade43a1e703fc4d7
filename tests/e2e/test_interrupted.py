"""Whole platforms that are interrupted, and what outlives its starter on purpose with them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from infra.processes.process import Child, children_of
from tests.e2e.test_demo import ACGS, FOLDER, _environment, _left_of
from tests.support.interrupted import ended, interrupting

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

SERVES_SECONDS, ENDS_SECONDS, IDLE_SECONDS = 240.0, 60.0, 600
PLAYS = """
import os, pathlib, time
from tests.e2e import test_interrupted as kit

def test_a_platform_serves():
    kit.serving(pathlib.Path(os.environ["TESTS_READY"]).with_name("root"))
    pathlib.Path(os.environ["TESTS_READY"]).touch()
    time.sleep(kit.IDLE_SECONDS)
"""


def serving(root: Path) -> subprocess.Popen[bytes]:
    """Start a demo, and return it once a model server runs beside Envoy."""
    with said_by(root).open("wb") as said:
        demo = subprocess.Popen(
            [ACGS, "demo", "--exit"], cwd=FOLDER, env=_environment(root), stdin=subprocess.DEVNULL,
            stdout=said, stderr=said,
        )  # fmt: skip
    limit = time.monotonic() + SERVES_SECONDS
    while len(alive(root)) < 2:
        assert demo.poll() is None, "the demo ended before it served"
        assert time.monotonic() < limit, _left_of(root)
        time.sleep(0.2)
    return demo


def said_by(root: Path) -> Path:
    """The file of what the demo of a root printed."""
    return root.with_name(f"{root.name}-demo.log")


def alive(root: Path) -> list[Child]:
    """Envoy and the model servers of a root: they outlive the roles that start them."""
    return [child for child in children_of(root) if child.identity.alive()]


def test_an_interrupted_demo_leaves_no_process(tmp_path: Path) -> None:
    demo = serving(tmp_path / "root")
    started = alive(tmp_path / "root")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # the first one counts
        demo.send_signal(number)
        time.sleep(0.5)
    assert demo.wait(ENDS_SECONDS) == 130, said_by(tmp_path / "root").read_text()[-2000:]
    assert [child for child in started if child.identity.alive()] == []
    assert _left_of(tmp_path / "root") == []


def test_a_killed_test_run_leaves_nothing_of_its_platforms(tmp_path: Path) -> None:
    with interrupting(tmp_path, PLAYS) as run:
        started = alive(tmp_path / "root")
        assert len(started) >= 2
        os.kill(run.pytest(), signal.SIGKILL)
        assert ended(run) != 0
    assert [child for child in started if child.identity.alive()] == []
    assert _left_of(tmp_path / "root") == []
