"""Runs plain MLflow, for comparison on the same machine at the same time."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import plain_environment, serving
from tests.ports import free_port
from tests.support.platform import Platform
from tests.support.runtime import serving_interpreter


@contextlib.contextmanager
def plain_registry(root: Path) -> Iterator[Platform]:
    """Run `mlflow server` on SQLite with one worker; the clients of a platform work on it."""
    with plain_registry_on(root, f"sqlite:///{root / 'mlflow.db'}") as url:
        port = url.rpartition(":")[2]
        # Only the registry's port is somebody's: nothing else of a platform runs here.
        unused = ("GATEWAY", "GATEWAY_ADMIN", "COMPLIANCE")
        yield Platform(root, {f"ACGS_{name}_PORT": port for name in ("REGISTRY", *unused)})


@contextlib.contextmanager
def plain_registry_on(root: Path, database_url: str) -> Iterator[str]:
    """Run `mlflow server` with one worker on a database, and yield its URL."""
    root.mkdir()
    port = free_port()
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1", "--backend-store-uri", database_url,
        "--artifacts-destination", str(root / "artifacts"),
        "--default-artifact-root", "mlflow-artifacts:/",
    ]  # fmt: skip
    environment = plain_environment() | {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # As on the platform: its helper processes would only take processor time.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    health = f"http://127.0.0.1:{port}/health"
    with serving(command, health, folder=root, environment=environment, log=root / "log"):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def plain_serving(model: Path, folder: Path) -> Iterator[str]:
    """Run `mlflow models serve` with the model servers' Python; gives the URL to post to."""
    folder.mkdir()
    port = free_port()
    binaries = serving_interpreter().parent
    command = [
        str(binaries / "mlflow"), "models", "serve", "-m", str(model), "--env-manager", "local",
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    environment = plain_environment()
    environment["PATH"] = f"{binaries}{os.pathsep}{environment['PATH']}"
    url = f"http://127.0.0.1:{port}"
    with serving(
        command, f"{url}/ping", folder=folder, environment=environment, log=folder / "log"
    ):
        yield f"{url}/invocations"
