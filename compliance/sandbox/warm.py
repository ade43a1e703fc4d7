"""Starts and calls the warm process, from many threads at once."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from infra.confinement.plan import Means
from infra.errors import UnavailableError

GRACE_SECONDS = 5.0
START_SECONDS = 90.0
_MESSAGE_BYTES = 65536

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job's process ended: by itself, by a signal, or at its deadline.

    Attributes:
        exit: its exit code, if it ended by itself.
        signal: that ended it.
        timed_out: whether it was ended because its time was up.
        unconfined: whether a layer failed, so that the job was not run.
    """

    exit: int | None
    signal: int | None
    timed_out: bool
    unconfined: bool


class WarmProcess:
    """Forks one throw-away process per job. Thread-safe."""

    def __init__(self, means: Collection[Means]) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="acgs-sandbox-")
        self._ids = itertools.count()
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Ended]] = {}
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-m",
                    "compliance.sandbox.child",
                    str(theirs.fileno()),
                    *sorted(means),
                ],
                env=_environment(self._home.name),
                cwd=self._home.name,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._await_ready()
        self._reader = threading.Thread(target=self._read, name="sandbox", daemon=True)
        self._reader.start()

    def alive(self) -> bool:
        """Whether the process takes jobs."""
        return self._process.poll() is None

    def run(self, job: dict[str, Any], fds: list[int], deadline_seconds: float) -> Ended:
        """Run one job and wait until it ends.

        Raises:
            UnavailableError: the warm process itself ended or does not answer.
        """
        future: Future[Ended] = Future()
        with self._lock:
            number = next(self._ids)
            self._waiting[number] = future
        try:
            message = json.dumps({**job, "id": number, "deadline_seconds": deadline_seconds})
            socket.send_fds(self._control, [message.encode()], fds)
            return future.result(timeout=deadline_seconds + GRACE_SECONDS)
        except (OSError, TimeoutError) as err:
            raise UnavailableError(
                f"expected the scoring sandbox to answer, found {type(err).__name__}: {err}",
                hint="the score is tried again; the log above says more",
            ) from err
        finally:
            with self._lock:
                self._waiting.pop(number, None)

    def close(self) -> None:
        """End the process and everything it forked."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        if hasattr(self, "_reader"):
            self._reader.join()
        self._control.close()
        self._home.cleanup()

    def _await_ready(self) -> None:
        self._control.settimeout(START_SECONDS)
        try:
            ready = self._control.recv(_MESSAGE_BYTES)
        except OSError:
            ready = b""
        if ready:
            self._control.settimeout(None)
            return
        code = self._process.poll()
        self.close()
        raise UnavailableError(
            f"expected the scoring sandbox to start, found that it ended with {code}",
            hint="the lines above say why; reinstall the platform if a library is missing",
        )

    def _read(self) -> None:
        while True:
            try:
                message = self._control.recv(_MESSAGE_BYTES)
            except OSError:
                message = b""
            if not message:
                break
            ended = json.loads(message)
            with self._lock:
                future = self._waiting.pop(ended.pop("id"), None)
            if future is not None:
                future.set_result(Ended(**ended))
        with self._lock:
            lost, self._waiting = self._waiting, {}
        for future in lost.values():
            future.set_exception(ConnectionError("it has ended"))


def _environment(home: str) -> dict[str, str]:
    """Return the sandbox's environment: no secret of the platform, one thread, no telemetry."""
    return {
        "PATH": os.defpath,
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        # A model that asks for several jobs uses one thread: the confinement allows no process.
        "JOBLIB_MULTIPROCESSING": "0",
        "MLFLOW_ALLOW_MODEL_CODE_EXECUTION": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_TRACKING_URI": f"file://{home}/mlruns",
        "MLFLOW_LOGGING_LEVEL": "ERROR",
    }
