"""A real model server as the deployer starts it: confined, by the launcher."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx

from infra.confinement.plan import Means
from infra.settings import Settings
from serving.domain.seldon import Predictor, SeldonDeployment, ServedVersion
from serving.engines.local.confined import confined_runtime
from serving.engines.local.engine import Launch
from tests.support.runtime import Runtime, wait_ready

VERSION = ServedVersion("0" * 32, "credit", 1, "1.0.0", "", "")


@contextlib.contextmanager
def served(model: Path, means: frozenset[Means]) -> Iterator[Runtime]:
    """Start a server for a model's folder; end it after."""
    predictor = Predictor("default", VERSION, 100)
    deployment = SeldonDeployment("credit", "acgs", (predictor,))
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        launch = Launch(deployment, predictor, model, folder / "ready.json")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                confined_runtime(Settings(), means)(launch),
                stdout=log, stderr=subprocess.STDOUT, cwd=folder, start_new_session=True,
                env={"PATH": os.environ["PATH"]},
            )  # fmt: skip
        port = wait_ready(process, folder)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                yield Runtime(process, port, folder / "log", client)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
