"""A `make test` of one file, to be interrupted."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psutil

from tests.guarded import INNER

CLONE = Path(__file__).parents[2]
START_SECONDS, END_SECONDS = 120.0, 60.0
MARK = "TESTS_MARK"


@dataclass
class Run:
    """A `make test` of its own, in a process group of its own."""

    make: subprocess.Popen[bytes]
    mark: str

    def marked(self) -> list[psutil.Process]:
        """Every process that has the run's mark in its environment and is no zombie."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE and (
                    process.environ().get(MARK) == self.mark
                ):
                    found.append(process)
        return found

    def guard(self) -> int:
        """Return the pid of what guards pytest."""
        return self._one(INNER)

    def outer_guard(self) -> int:
        """Return the pid of what guards the guard."""
        return self._one("tests.guarded", without=INNER)

    def pytest(self) -> int:
        """Return the pid of pytest's main process."""
        return self._one("pytest", without="tests.guarded")

    def worker(self) -> int:
        """Return the pid of pytest's worker."""
        return self._one("import sys;exec(eval(sys.stdin.readline()))")

    def _one(self, *words: str, without: str = "") -> int:
        lines = {process.pid: process.cmdline() for process in self.marked()}
        (pid,) = (p for p, line in lines.items() if {*words} <= {*line} and without not in line)
        return pid


@contextlib.contextmanager
def interrupting(
    folder: Path, text: str, *, ignored: str = "", terminal: int | None = None
) -> Iterator[Run]:
    """Run one test file with `make test`, and yield once it says that it is ready.

    Args:
        folder: for its files.
        text: of the test, which touches the file that TESTS_READY names.
        ignored: numbers of the signals that its processes ignore, for TESTS_IGNORED.
        terminal: descriptor of the terminal that the run is to own.
    """
    file, ready, mark = folder / "test_it.py", folder / "ready", uuid4().hex
    file.write_text(text)
    # Nothing is to be installed or built here first, as it would be on a new machine.
    programs = folder / "programs"
    programs.mkdir()
    for name in ("minio", "chromium"):
        (programs / name).write_text("#!/bin/sh\necho not the real one\n")
        (programs / name).chmod(0o700)
    path = f"{programs}:{os.environ['PATH']}"
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS")}
    make = subprocess.Popen(
        ["make", "--no-print-directory", "test", "WORKERS=1",
         f"ARGS=-p no:cacheprovider -c /dev/null --rootdir {folder} {file}"],
        cwd=CLONE,
        env={**environment, "PATH": path, MARK: mark, "TESTS_READY": str(ready),
             "TESTS_IGNORED": ignored},
        stdin=subprocess.DEVNULL if terminal is None else terminal,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=terminal is None,
        preexec_fn=None if terminal is None else _take_terminal,
    )  # fmt: skip
    run = Run(make, mark)
    try:
        limit = time.monotonic() + START_SECONDS
        while not ready.exists():
            assert make.poll() is None, "make ended before its test began"
            assert time.monotonic() < limit, "the test did not begin"
            time.sleep(0.05)
        yield run
    finally:
        for process in run.marked():
            with contextlib.suppress(psutil.Error):
                process.kill()
        make.wait(10)


def _take_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def ended(run: Run) -> int:
    """Wait for the end; return make's exit code."""
    code = run.make.wait(END_SECONDS)
    limit = time.monotonic() + END_SECONDS
    while left := run.marked():
        assert time.monotonic() < limit, [process.cmdline() for process in left]
        time.sleep(0.05)
    return code
