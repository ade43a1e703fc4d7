"""Several registry servers on one database, each a process of its own, as on Kubernetes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.ports import free_ports

START_SECONDS = 240.0


@contextmanager
def replicas(root: Path, count: int, **more: str) -> Iterator[list[str]]:
    """Run registry servers on a prepared storage root and yield their URLs.

    Args:
        root: storage root with a constitution.
        count: how many.
        more: environment variables, such as the database's URL.
    """
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("ACGS_", "MLFLOW_", "MLOPS_"))
    }
    environment = inherited | {"MLOPS_STORAGE_ROOT": str(root), **more}
    prepared = subprocess.run(
        [sys.executable, "-m", "infra", "prepare"],
        env=environment, capture_output=True, text=True, timeout=START_SECONDS, check=False,
    )  # fmt: skip
    assert prepared.returncode == 0, prepared.stderr
    ports = free_ports(count)
    servers = [_start(root, port, environment) for port in ports]
    try:
        for port, server in zip(ports, servers, strict=True):
            _await(port, server, root)
        yield [f"http://127.0.0.1:{port}" for port in ports]
    finally:
        _end(servers)


def _start(root: Path, port: int, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with (root / f"replica-{port}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "infra", "run", "registry"],
            env={**environment, "ACGS_REGISTRY_PORT": str(port)}, stdout=log, stderr=log,
        )  # fmt: skip


def _await(port: int, server: subprocess.Popen[bytes], root: Path) -> None:
    limit = time.monotonic() + START_SECONDS
    while True:
        try:
            url = f"http://127.0.0.1:{port}/acgs/ready"
            answer = httpx.get(url, timeout=5, trust_env=False)
            # Somebody else's server may answer where ours could not bind.
            announced = (root / "run" / f"registry-{port}.boot").read_text()
            if answer.status_code == httpx.codes.OK and answer.json()["boot"] == announced:
                return
        except (httpx.TransportError, FileNotFoundError):
            pass
        log = root / f"replica-{port}.log"
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < limit, log.read_text()
        time.sleep(0.1)


def _end(servers: Sequence[subprocess.Popen[bytes]]) -> None:
    for server in servers:
        server.terminate()
    for server in servers:
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
