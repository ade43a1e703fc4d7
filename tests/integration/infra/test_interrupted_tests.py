"""`make test` leaves no process behind, however it is interrupted."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.interrupted import Run, ended, interrupting

DAEMONS = """
import os, subprocess, sys, time
from pathlib import Path

DAEMON = '''
import os, sys, time
if os.fork():
    sys.exit()
os.setsid()
if os.fork():
    sys.exit()
time.sleep(600)
'''
STUBBORN = '''
import signal, sys, time
for number in map(int, sys.argv[1:]):
    signal.signal(number, signal.SIG_IGN)
time.sleep(600)
'''

def test_starts_what_would_outlive_it():
    ready = Path(os.environ["TESTS_READY"])
    if ready.exists():
        return  # run again for a worker that was killed
    subprocess.run([sys.executable, "-c", DAEMON], check=True)
    ignored = os.environ["TESTS_IGNORED"].split()
    subprocess.Popen([sys.executable, "-c", STUBBORN, *ignored], start_new_session=True)
    ready.touch()
    time.sleep(600)
"""


def to_group(*numbers: signal.Signals) -> Callable[[Run], None]:
    def send(run: Run) -> None:
        for number in numbers:
            os.killpg(run.make.pid, number)
            time.sleep(1)

    return send


INTERRUPTIONS: Mapping[str, Callable[[Run], None]] = {
    "SIGTERM to make": lambda run: os.kill(run.make.pid, signal.SIGTERM),
    "SIGKILL to make": lambda run: os.kill(run.make.pid, signal.SIGKILL),
    "SIGTERM to the group": to_group(signal.SIGTERM),
    "SIGHUP to the group": to_group(signal.SIGHUP),
    "SIGINT to the group, twice": to_group(signal.SIGINT, signal.SIGINT),
    "SIGHUP to the guard": lambda run: os.kill(run.guard(), signal.SIGHUP),
    "SIGKILL to the guard": lambda run: os.kill(run.guard(), signal.SIGKILL),
    "SIGTERM to the outer guard": lambda run: os.kill(run.outer_guard(), signal.SIGTERM),
    "SIGKILL to the outer guard": lambda run: os.kill(run.outer_guard(), signal.SIGKILL),
    "SIGTERM to pytest": lambda run: os.kill(run.pytest(), signal.SIGTERM),
    "SIGKILL to pytest": lambda run: os.kill(run.pytest(), signal.SIGKILL),
    "SIGKILL to a worker": lambda run: os.kill(run.worker(), signal.SIGKILL),
}


@pytest.mark.parametrize("interruption", INTERRUPTIONS)
def test_an_interrupted_run_leaves_no_process(tmp_path: Path, interruption: str) -> None:
    ignored = "1 2 15" if "KILL to pytest" in interruption else "1 2"
    with interrupting(tmp_path, DAEMONS, ignored=ignored) as run:
        assert len(run.marked()) >= 7  # make, two guards, pytest, worker and what the test started
        INTERRUPTIONS[interruption](run)
        assert ended(run) != 0


def test_ctrl_c_in_a_terminal_leaves_no_process(tmp_path: Path) -> None:
    controller, terminal = os.openpty()
    try:
        with interrupting(tmp_path, DAEMONS, ignored="1 2", terminal=terminal) as run:
            os.write(controller, b"\x03")
            assert ended(run) != 0
    finally:
        os.close(controller)
        os.close(terminal)
