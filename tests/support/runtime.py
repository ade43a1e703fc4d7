"""A real model server in its own environment, for tests."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra.settings import Settings
from serving.engines.local.environment import runtime_root, serving_python

START_SECONDS = 90.0


def serving_interpreter() -> Path:
    return serving_python(Settings())


def serving_env() -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PYTHON"))}
    return inherited | {"PYTHONPATH": str(runtime_root())}


@dataclass(frozen=True, slots=True)
class Runtime:
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    http: httpx.Client

    def predict(self, data: object, **more: object) -> httpx.Response:
        return self.http.post("/api/v1.0/predictions", json={"data": data, **more})


def spawn(model: Path, folder: Path, arguments: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        str(serving_interpreter()), "-m", "serving.runtime",
        "--model-path", str(model),
        "--model-name", "credit",
        "--model-version", "1.0.0",
        "--ready-file", str(folder / "ready.json"),
        *arguments,
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=serving_env(), cwd=folder
        )


def wait_ready(process: subprocess.Popen[bytes], folder: Path) -> int:
    """Return the port once the server is ready."""
    deadline = time.monotonic() + START_SECONDS
    ready = folder / "ready.json"
    while time.monotonic() < deadline:
        if ready.exists():
            found = json.loads(ready.read_text())
            assert found["pid"] == process.pid
            return int(found["port"])
        if process.poll() is not None:
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise AssertionError(f"the model server did not start:\n{(folder / 'log').read_text()}")


@contextlib.contextmanager
def running(model: Path, folder: Path, arguments: Sequence[str] = ()) -> Iterator[Runtime]:
    process = spawn(model, folder, arguments)
    port = wait_ready(process, folder)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield Runtime(process, port, folder / "log", client)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
