"""A small world with everything in it that a model must not reach, and a model that tries."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import sqlite3
import subprocess
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import mlflow.sklearn
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

from tests.support import attempts
from tests.support.attempts import Attacker, Targets

FILES = {
    "secrets/master.key": "secret",
    "constitution/constitution.yaml": "principles: []",
    "evidence/holdout.csv": "income,good\n1,1\n",
    "serving/models/other/model.pkl": "other",
    "artifacts/1/weights.bin": "weights",
    "home/.aws/credentials": "[default]",
    "expendable/delete": "x",
    "expendable/truncate": "x",
    "expendable/rename": "x",
    "expendable/chmod": "x",
}


def frame(name: str, targets: Targets) -> pd.DataFrame:
    return pd.DataFrame({"attempt": [name], "targets": [targets.to_json()]})


def attacking_model(folder: Path) -> Path:
    """Save a model whose every row is an attempt."""
    example = pd.DataFrame({"attempt": ["x"], "targets": ["{}"]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, on import and about its formats
        mlflow.sklearn.save_model(
            LogisticRegression(),
            str(folder),
            serialization_format="cloudpickle",
            signature=infer_signature(example, ["stopped"]),
            pip_requirements=["scikit-learn"],
        )
    cloudpickle.register_pickle_by_value(attempts)
    try:
        (folder / "model.pkl").write_bytes(cloudpickle.dumps(Attacker()))
    finally:
        cloudpickle.unregister_pickle_by_value(attempts)
    return folder


@contextlib.contextmanager
def world(parent: Path, model: Path) -> Iterator[Targets]:
    """Lay the files out, listen where a model might connect, run a process it might reach."""
    root = parent / "root"
    for name, content in FILES.items():
        path = root / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(0o600)
    with sqlite3.connect(root / "registry.db") as connection:
        connection.execute("create table model_versions (number int)")
    outside = parent / "outside"
    outside.mkdir(mode=0o777, exist_ok=True)
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = int(tcp.getsockname()[1])
        unix = str(root / "socket")
        for address in (unix, f"\0acgs-attempt-{port}"):
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(address)
            listener.listen()
            _greet(listener)
        _greet(tcp)
        stack.enter_context(_message_queue(f"/acgs-attempt-{port}".encode()))
        victim = _victim()
        stack.callback(victim.wait)
        stack.callback(victim.kill)
        stack.callback(Path(f"/dev/shm/acgs-attempt-{port}").unlink, missing_ok=True)
        yield Targets(str(root), port, unix, victim.pid, str(model), str(outside))


LOWEST_PID = 2000
"""More processes and threads than an attempt leaves in a process namespace of its own."""


def _victim() -> subprocess.Popen[bytes]:
    """Start a process whose number a confined model's own processes do not have.

    A model in its own process namespace that signals the number would reach itself.
    """
    while True:
        victim = subprocess.Popen(["sleep", "600"], env={**os.environ, "VICTIM_SECRET": "secret"})
        if victim.pid >= LOWEST_PID:
            return victim
        victim.kill()
        victim.wait()


@contextlib.contextmanager
def _message_queue(name: bytes) -> Iterator[None]:
    library = ctypes.CDLL("librt.so.1", use_errno=True)
    queue = library.mq_open(name, os.O_CREAT | os.O_RDWR, 0o600, None)
    assert queue >= 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        os.close(queue)  # on Linux a queue is a file
        library.mq_unlink(name)


def _greet(listener: socket.socket) -> None:
    listener = listener.dup()

    def answer() -> None:
        with listener:
            while True:
                try:
                    connection, _address = listener.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")

    threading.Thread(target=answer, daemon=True).start()
