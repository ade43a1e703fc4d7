"""What runs inside the sandbox: a warm parent that forks one throw-away child per job.

Started by `compliance.sandbox` as `python -I -m compliance.sandbox_child FD`, with a scrubbed
environment. The warm parent imports everything a model needs once and loads one tiny model, so
that a child answers in some 50 ms instead of 3 s. It never opens a model that anybody sent, and
runs no OpenMP code: forked children could not use OpenMP after that.

Not `multiprocessing`'s fork server: that inherits the environment, re-imports `__main__` in each
child, and its parent unpickles what comes back.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import pickle
import resource
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

STEP_BYTES = 16
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def main(control_fd: int) -> None:
    """Serve jobs until the other end of the control socket is closed."""
    _warm_up()
    gc.collect()
    gc.freeze()  # children then share these pages instead of copying them
    control = socket.socket(fileno=control_fd)
    control.send(b'{"ready": true}')
    while True:
        message, fds, _flags, _address = socket.recv_fds(control, 65536, 2)
        if not message:
            return
        job = json.loads(message)
        control.send(json.dumps(_in_child(control, job, *fds)).encode())


def _in_child(
    control: socket.socket, job: Mapping[str, Any], request_fd: int, result_fd: int
) -> dict[str, int | bool | None]:
    pid = os.fork()
    if pid == 0:
        control.close()
        _child(job, request_fd, result_fd)
    os.close(request_fd)
    os.close(result_fd)
    pidfd = os.pidfd_open(pid)
    timed_out = False
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.register(control, select.POLLHUP)
        ready = poll.poll(float(job["deadline_seconds"]) * 1000)
        timed_out = not ready
        if all(fd != pidfd for fd, _event in ready):
            os.kill(pid, signal.SIGKILL)
        # Whatever it left behind: the child leads a session of its own.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        _pid, status = os.waitpid(pid, 0)
    finally:
        os.close(pidfd)
    code = os.waitstatus_to_exitcode(status)
    return {"exit": code if code >= 0 else None, "signal": -code if code < 0 else None,
            "timed_out": timed_out}  # fmt: skip


def _child(job: Mapping[str, Any], request_fd: int, result_fd: int) -> None:
    """Do one job and end; never returns."""
    try:
        os.setsid()
        _confine(job)
        with os.fdopen(request_fd, "rb") as file:
            request = file.read()
        _JOBS[job["kind"]](Path(job["folder"]), request, _Result(result_fd))
        os._exit(0)
    except BaseException as err:  # whatever a model raises is its own failure, told as text
        text = f"{type(err).__name__}: {err}"
        with contextlib.suppress(BaseException):
            _Result(result_fd).finish({"error": text[:2000]}, [])
        os._exit(0)


def _confine(job: Mapping[str, Any]) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.chdir(job["scratch"])
    os.environ["HOME"] = os.environ["TMPDIR"] = job["scratch"]
    tempfile.tempdir = job["scratch"]
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # No network, where the kernel lets an ordinary user ask for that.
    libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    cpu = int(job["deadline_seconds"]) * 2 + 2
    for kind, limit in (
        (resource.RLIMIT_AS, int(job["memory_bytes"])),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, int(job["result_bytes"])),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))


class _Result:
    """The file the answer goes to: step (16 bytes), header length (8), header, arrays."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def step(self, name: str) -> None:
        """Say what begins now, so that a crash can be told from where it happened."""
        os.pwrite(self._fd, name.encode().ljust(STEP_BYTES), 0)

    def finish(self, header: Mapping[str, object], blobs: list[bytes]) -> None:
        text = json.dumps(header).encode()
        data = len(text).to_bytes(8, "big") + text + b"".join(blobs)
        sent = 0
        while sent < len(data):
            sent += os.pwrite(self._fd, data[sent:], STEP_BYTES + sent)


def _scan(folder: Path, _request: bytes, result: _Result) -> None:
    from compliance.artifact_scan import scan_folder

    result.step("scan")
    result.finish({"scan": asdict(scan_folder(folder))}, [])


def _predict(folder: Path, request: bytes, result: _Result) -> None:
    import mlflow.pyfunc

    frames = pickle.loads(request)  # noqa: S301 (written by our own parent)
    result.step("load")
    started = time.perf_counter()
    model = mlflow.pyfunc.load_model(str(folder), suppress_warnings=True)
    loaded = time.perf_counter()
    result.step("predict")
    parts = [_encode(model.predict(frame)) for frame in frames]
    header = {
        "outputs": [{"kind": kind, "bytes": len(blob)} for kind, blob in parts],
        "load_ms": (loaded - started) * 1000,
        "predict_ms": (time.perf_counter() - loaded) * 1000,
    }
    result.finish(header, [blob for _kind, blob in parts])


def _encode(answer: Any) -> tuple[str, bytes]:
    values = np.asarray(answer)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"expected one answer per row, found the shape {values.shape}")
    if values.dtype.kind in "biuf":
        buffer = BytesIO()
        np.save(buffer, values, allow_pickle=False)
        return "npy", buffer.getvalue()
    return "json", json.dumps(
        [v if isinstance(v, str) else repr(v) for v in values.tolist()]
    ).encode()


_JOBS: dict[str, Callable[[Path, bytes, _Result], None]] = {"scan": _scan, "predict": _predict}


def _warm_up() -> None:
    """Import what models need and load a tiny one; nothing is fitted, so nothing runs OpenMP."""
    import warnings

    import mlflow.pyfunc
    import mlflow.sklearn
    import pandas as pd
    import picklescan.scanner  # noqa: F401
    import sklearn.compose
    import sklearn.ensemble
    import sklearn.impute
    import sklearn.pipeline
    import skops.io  # noqa: F401
    from mlflow.models import infer_signature
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    from compliance.artifact_scan import scan_folder

    warnings.simplefilter("ignore")
    scaler = StandardScaler(with_mean=False, with_std=False)
    scaler.n_samples_seen_, scaler.n_features_in_, scaler.scale_ = 1, 1, None
    tiny = LogisticRegression()
    tiny.classes_, tiny.coef_ = np.array([0, 1]), np.array([[1.0]])
    tiny.intercept_, tiny.n_features_in_ = np.array([0.0]), 1
    frame = pd.DataFrame({"x": [0.5, -0.5]})
    model = sklearn.pipeline.Pipeline([("scale", scaler), ("model", tiny)])
    for serialization in ("skops", "cloudpickle"):
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent) / "model"
            mlflow.sklearn.save_model(
                model,
                str(folder),
                serialization_format=serialization,
                signature=infer_signature(frame, np.array([1, 0])),
                pip_requirements=["scikit-learn"],
            )
            scan_folder(folder)
            mlflow.pyfunc.load_model(str(folder), suppress_warnings=True).predict(frame)


if __name__ == "__main__":
    main(int(sys.argv[1]))
