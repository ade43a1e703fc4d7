"""`make test-fast` starts no server."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.no_servers import is_server

SERVERS = (
    ("/usr/lib/postgresql/15/bin/postgres", "-D", "data"),
    ("/opt/minio", "server", "data"),
    ("envoy", "-c", "envoy.yaml"),
    ("/usr/bin/chromium", "--headless"),
    (sys.executable, "-m", "mlflow", "server"),
    (sys.executable, "-P", "-m", "serving.runtime", "--port", "1"),
    (sys.executable, "-m", "infra", "up", "--detach"),
    (sys.executable, "-P", "-m", "infra", "run", "registry"),
    (".venv/bin/acgs", "demo", "--exit"),
)
OTHERS = (
    (sys.executable, "-m", "infra", "up-to-date"),
    (sys.executable, "-m", "infra", "version", "list"),
    (sys.executable, "-m", "tests.support.hostile_runner"),
    ("git", "log", "up"),
    ("/usr/lib/postgresql/15/bin/postgres", "--version"),
)


@pytest.mark.parametrize("words", SERVERS)
def test_a_server_is_known_by_its_command(words: tuple[str, ...]) -> None:
    assert is_server(words)


@pytest.mark.parametrize("words", OTHERS)
def test_another_program_is_none(words: tuple[str, ...]) -> None:
    assert not is_server(words)


def test_a_test_that_starts_a_server_fails() -> None:
    refusing = "from tests.support import no_servers; no_servers.pytest_configure()"
    starting = "subprocess.run([sys.executable, '-m', 'mlflow', 'server', '--help'])"
    done = subprocess.run(
        [sys.executable, "-c", f"import subprocess, sys; {refusing}; {starting}"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "ServerRefusedError: expected a test that starts no server, found" in done.stderr
