"""A process that scans or loads hostile folders, each in a forked child with hard limits.

It imports what its one job needs once, so that a child starts in milliseconds, and speaks in lines
of JSON on its standard streams. Nothing more: each fork copies the table of all its pages.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PROCESSOR_SECONDS = {"scan": 3, "load": 1}
"""A scan may take one; the rest is for a slow machine."""
DEADLINE_SECONDS = 60
"""By the clock: far more than the processor's time, for a machine that others use as well."""
MEMORY_BYTES = 2 << 30
"""What a child may take beyond what it is born with."""
FILE_BYTES = 1 << 24

Answer = dict[str, Any]

_SMALL = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Its own allocator reserves a gigabyte of addresses, which the limit counts.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


class Runner:
    """The other end: starts the process and asks it."""

    def __init__(self, job: str, warm_up: list[Path]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.hostile_runner", job, *map(str, warm_up)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **_SMALL},
        )

    def ask(self, folder: Path) -> Answer:
        """Do the job with a folder; `ended` says how its process did."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{folder}\n")
        self._process.stdin.flush()
        answer: Answer = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        self._process.communicate()


def main(job: str, warm_up: list[str]) -> None:
    """Do one job until the other end closes."""
    import logging
    import warnings

    warnings.simplefilter("ignore")
    logging.disable()
    for folder in warm_up:
        _JOBS[job](Path(folder))
    gc.collect()
    gc.freeze()  # a child that collects would write to, and so copy, all it is born with
    for line in sys.stdin:
        print(json.dumps(_in_child(job, Path(line.rstrip("\n")))), flush=True)


def _in_child(job: str, folder: Path) -> Answer:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(job, folder, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        ready, _, _ = select.select([file], [], [], DEADLINE_SECONDS)
        if not ready:
            os.kill(pid, signal.SIGKILL)
        answer: Answer = json.loads(file.read() or b"{}")
    _pid, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    ended = "in time" if code == 0 else signal.Signals(-code).name if ready else "too late"
    return {"ended": ended, **answer}


def _child(job: str, folder: Path, writing: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.chdir(folder.parent)
    born = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for kind, limit in (
        (resource.RLIMIT_AS, born + MEMORY_BYTES),
        (resource.RLIMIT_CPU, PROCESSOR_SECONDS[job]),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))
    started = time.process_time()
    try:
        answer = _JOBS[job](folder)
    except BaseException as err:
        answer = {"error": f"{type(err).__name__}: {err}"[:500]}
    answer["processor_seconds"] = time.process_time() - started
    with contextlib.suppress(BrokenPipeError):
        os.write(writing, json.dumps(answer).encode())
    os._exit(0)


def _scan(folder: Path) -> Answer:
    from compliance.scan.artifact_scan import scan_folder

    violations = scan_folder(folder).violations
    return {"violations": [text[:500] for text in violations[:20]]}


def _load(folder: Path) -> Answer:
    """Load as a model server does, and ask once."""
    import mlflow.pyfunc
    import numpy as np
    import pandas as pd

    model = mlflow.pyfunc.load_model(str(folder), suppress_warnings=True)
    frame = pd.DataFrame(np.zeros((3, 4)), columns=["a", "b", "c", "d"])
    return {"answer": repr(model.predict(frame))[:500]}


_JOBS = {"scan": _scan, "load": _load}

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
