"""A real PostgreSQL server, started for the tests and gone after them."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from tests.ports import free_port

INSTALLED = Path("/usr/lib/postgresql")
USER = "acgs"


@dataclass(frozen=True)
class Postgres:
    """A running server that only knows one user."""

    port: int
    password: str

    def new_database(self) -> str:
        """Create an empty database and return its SQLAlchemy URL."""
        name = f"t{uuid.uuid4().hex}"
        connection = psycopg2.connect(
            host="127.0.0.1", port=self.port, user=USER, password=self.password, dbname="postgres"
        )
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        connection.close()
        return f"postgresql+psycopg2://{USER}:{self.password}@127.0.0.1:{self.port}/{name}"


def binaries() -> Path:
    """Return the folder of the server's programs; a missing server fails in CI, never skips."""
    found = shutil.which("initdb")
    folders = sorted(INSTALLED.glob("*/bin"))
    if found:
        return Path(found).resolve().parent
    if folders:
        return folders[-1]
    message = "no PostgreSQL on this machine: install the package postgresql"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def started() -> Iterator[Postgres]:
    """Run a server on a free port of 127.0.0.1; PostgreSQL refuses to run as root."""
    programs = binaries()
    owner = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="acgs-pg-"))
    server = Postgres(free_port(), secrets.token_urlsafe(16))
    secret = folder / "password"
    secret.write_text(server.password)
    if owner:
        for path in (folder, secret):
            shutil.chown(path, owner)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(programs / program), *arguments],
            user=owner, cwd=folder, check=True, timeout=120,
            stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
        )  # fmt: skip

    data = str(folder / "data")
    run("initdb", "-D", data, "-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}")
    options = f"-p {server.port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off"
    run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield server
    finally:
        run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
