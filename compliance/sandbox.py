"""Scans, loads and asks models in a throw-away process; nothing of a model comes back but numbers.

The parent never loads a model and never unpickles what a child sent: answers are JSON and plain
arrays (`allow_pickle=False`), read after the child has ended. A child has no secrets in its
environment, no network where the kernel allows that, limits on memory, time, files and output,
and it never sees a label or a sensitive attribute that is no feature.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from compliance.errors import SandboxError
from compliance.rules.facts import Scan
from infra.errors import UnavailableError

if TYPE_CHECKING:
    import pandas as pd

STEP_BYTES = 16
GRACE_SECONDS = 5.0
START_SECONDS = 90.0
RESULT_BYTES = 512_000_000
_FIX = "run the model on the holdout's features yourself, correct it, and register a new version"

log = logging.getLogger(__name__)

Answers = np.ndarray[Any, np.dtype[Any]] | list[str]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use.

    Attributes:
        deadline_seconds: wall clock; the child is killed after it.
        memory_bytes: of address space, the warm libraries (about 1.5 GB) included.
    """

    deadline_seconds: float = 20.0
    memory_bytes: int = 6_000_000_000


@dataclass(frozen=True, slots=True)
class Predictions:
    """A model's answers, one array or list of texts per frame it was given."""

    answers: tuple[Answers, ...]
    load_ms: float
    predict_ms: float


class Sandbox:
    """One warm process that forks a child per job. Thread-safe; jobs run one after the other."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._home: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Warm up now rather than at the first job; takes some seconds. Idempotent.

        Raises:
            UnavailableError: it does not come up.
        """
        with self._lock:
            self._ensure()

    def close(self) -> None:
        """End the warm process and whatever it forked."""
        with self._lock:
            self._stop()

    def scan(self, folder: Path) -> Scan:
        """Check a model's folder against the allow-list; failing to check is a violation."""
        try:
            header, _blobs = self._run("scan", folder, b"")
            found = header["scan"]
            return Scan(tuple(str(v) for v in found["violations"]), int(found["files"]))
        except (SandboxError, KeyError, TypeError, ValueError) as err:
            text = err.message if isinstance(err, SandboxError) else str(err)
            return Scan((f"the files could not be checked: {text}",), 0)

    def predict(self, folder: Path, frames: Sequence[pd.DataFrame]) -> Predictions:
        """Load a model that passed the scan and ask it about every frame.

        Raises:
            SandboxError: it crashed, hung, used too much, or did not give one finite answer per
                row. Says which.
            UnavailableError: the sandbox itself does not work.
        """
        request = pickle.dumps(list(frames), protocol=5)
        header, blobs = self._run("predict", folder, request)
        outputs = header.get("outputs")
        if not isinstance(outputs, list) or len(outputs) != len(frames):
            raise SandboxError("the model gave no answer that could be read", hint=_FIX)
        answers, at = [], 0
        for output, frame in zip(outputs, frames, strict=True):
            size = int(output["bytes"])
            answers.append(_decode(str(output["kind"]), blobs[at : at + size], len(frame)))
            at += size
        return Predictions(tuple(answers), float(header["load_ms"]), float(header["predict_ms"]))

    def _run(self, kind: str, folder: Path, request: bytes) -> tuple[dict[str, Any], bytes]:
        with self._lock, tempfile.TemporaryDirectory(prefix="acgs-scratch-") as scratch:
            control = self._ensure()
            job = {
                "kind": kind,
                "folder": str(folder.absolute()),
                "scratch": scratch,
                "deadline_seconds": self.limits.deadline_seconds,
                "memory_bytes": self.limits.memory_bytes,
                "result_bytes": RESULT_BYTES,
            }
            with _memory_file(request) as request_fd, _memory_file(b"") as result_fd:
                ended = self._ask(control, job, [request_fd, result_fd])
                size = os.fstat(result_fd).st_size
                data = os.pread(result_fd, min(size, RESULT_BYTES), 0) if ended else b""
        return _interpret(ended, data, self.limits)

    def _ask(
        self, control: socket.socket, job: dict[str, Any], fds: list[int]
    ) -> dict[str, Any] | None:
        """Return how the child ended; None when the warm process itself is gone."""
        try:
            control.settimeout(self.limits.deadline_seconds + GRACE_SECONDS)
            socket.send_fds(control, [json.dumps(job).encode()], fds)
            answer = control.recv(4096)
        except OSError:
            answer = b""
        if not answer:
            log.warning("sandbox lost: a child took the warm process with it, or it hangs")
            self._stop()
            return None
        ended: dict[str, Any] = json.loads(answer)
        return ended

    def _ensure(self) -> socket.socket:
        if self._control is not None and self._process and self._process.poll() is None:
            return self._control
        self._stop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._home = tempfile.TemporaryDirectory(prefix="acgs-sandbox-")
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-m", "compliance.sandbox_child", str(theirs.fileno())],
                env=_environment(self._home.name),
                cwd=self._home.name,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        ours.settimeout(START_SECONDS)
        self._control = ours
        try:
            ready = ours.recv(4096)
        except OSError:
            ready = b""
        if ready:
            return ours
        code = self._process.poll()
        self._stop()
        raise UnavailableError(
            f"expected the scoring sandbox to start, found that it ended with {code}",
            hint="the lines above say why; reinstall the platform if a library is missing",
        )

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        if self._home is not None:
            self._home.cleanup()
            self._home = None


def _environment(home: str) -> dict[str, str]:
    """Environment of the sandbox: no secret of the platform, one thread, nothing sent home."""
    return {
        "PATH": os.defpath,
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "MLFLOW_ALLOW_MODEL_CODE_EXECUTION": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_TRACKING_URI": f"file://{home}/mlruns",
        "MLFLOW_LOGGING_LEVEL": "ERROR",
    }


@contextlib.contextmanager
def _memory_file(content: bytes) -> Any:
    fd = os.memfd_create("acgs")
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


def _interpret(
    ended: dict[str, Any] | None, data: bytes, limits: Limits
) -> tuple[dict[str, Any], bytes]:
    step = data[:STEP_BYTES].decode(errors="replace").strip("\0 ") or "start"
    if ended is None:
        raise SandboxError(f"the model ended the process that watches it (on {step})", hint=_FIX)
    if ended["timed_out"] or ended["signal"] == signal.SIGXCPU:
        raise SandboxError(
            f"the model hung on {step}: expected an answer within {limits.deadline_seconds:g} s",
            hint=_FIX,
        )
    if ended["signal"]:
        name = signal.Signals(ended["signal"]).name
        raise SandboxError(
            f"the model crashed on {step} (signal {ended['signal']}, {name})", hint=_FIX
        )
    try:
        length = int.from_bytes(data[STEP_BYTES : STEP_BYTES + 8], "big")
        start = STEP_BYTES + 8
        header: dict[str, Any] = json.loads(data[start : start + length])
    except ValueError:
        raise SandboxError(
            f"the model ended without an answer on {step} (exit code {ended['exit']})", hint=_FIX
        ) from None
    if "error" in header:
        raise SandboxError(f"the model failed on {step}: {header['error']}", hint=_FIX)
    return header, data[start + length :]


def _decode(kind: str, blob: bytes, rows: int) -> Answers:
    try:
        answers: Answers
        if kind == "json":
            answers = [str(value) for value in json.loads(blob)]
        else:
            answers = np.load(BytesIO(blob), allow_pickle=False)
    except (ValueError, TypeError) as err:
        raise SandboxError(f"the model's answer cannot be read: {err}", hint=_FIX) from err
    if len(answers) != rows:
        raise SandboxError(
            f"expected {rows} answers for {rows} rows, found {len(answers)}", hint=_FIX
        )
    if isinstance(answers, np.ndarray):
        if answers.ndim != 1 or answers.dtype.kind not in "biuf":
            raise SandboxError("expected one number or class per row", hint=_FIX)
        bad = int(np.sum(~np.isfinite(answers.astype(np.float64))))
        if bad:
            raise SandboxError(f"expected finite answers, found {bad} NaN or infinite", hint=_FIX)
    return answers
