"""A throw-away PostgreSQL server.

with postgres.started() as server:
    url = server.new_database()
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
from psycopg2 import sql

from infra.servers import postgres_programs
from infra.servers.errors import ServerFailedError
from infra.servers.guarded import LOOPBACK, Guarded, free_port

ADMIN = "server"
USER = "acgs"
INITDB_SECONDS = 120
CONNECTIONS = 300
LEFTOVERS = 20
"""Starts after a kill, until the killed server's children have let go of its memory."""


@dataclass
class Postgres:
    """A running server: `ADMIN` is its superuser, `USER` owns the databases."""

    programs: postgres_programs.Programs
    port: int
    admin_password: str = field(repr=False)
    password: str = field(repr=False)
    process: Guarded = field(repr=False)

    @property
    def version(self) -> str:
        """Return the program's version, for logs."""
        return str(self.programs)

    def new_database(self, template: str | None = None) -> str:
        """Create a database and return its SQLAlchemy URL.

        Args:
            template: URL of a database of this server to copy (some 50 ms, where migrations
                take seconds); nobody may be connected to it. None makes an empty one.
        """
        name = f"t{uuid.uuid4().hex}"
        statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
            sql.Identifier(name),
            sql.Identifier(USER),
            sql.Identifier(template.rpartition("/")[2] if template else "template0"),
        )
        self.execute(statement)
        return f"postgresql+psycopg2://{USER}:{self.password}@{LOOPBACK}:{self.port}/{name}"

    def execute(self, statement: str | sql.Composable, database: str = "postgres") -> None:
        """Run one statement as the administrator, outside any transaction."""
        connection = psycopg2.connect(
            host=LOOPBACK, port=self.port, user=ADMIN, password=self.admin_password, dbname=database
        )
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()

    def start(self) -> None:
        """Start the server again after `stop` or `kill`; it recovers what was committed."""
        for _ in range(LEFTOVERS):
            try:
                self.process.start(self._ready)
            except ServerFailedError as err:
                if "still in use" not in err.message:
                    raise
                continue
            return
        raise ServerFailedError(
            "PostgreSQL did not start again: children of the killed server still live"
        )

    def stop(self) -> None:
        """End every connection and the server, in order."""
        self.process.stop()

    def kill(self) -> None:
        """SIGKILL the server, whatever it is doing."""
        self.process.kill()

    def restart(self) -> None:
        """Stop and start the server: every open connection breaks."""
        self.stop()
        self.start()

    def _ready(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg2.OperationalError:
            return False
        return True


@contextmanager
def started() -> Iterator[Postgres]:
    """Run a server on a free port of 127.0.0.1, with its files in a new folder, for the block.

    Raises:
        ServerMissingError: PostgreSQL is not installed and cannot be.
        ServerFailedError: it did not start.
    """
    programs = postgres_programs.obtain()
    owner = postgres_programs.owner()
    folder = Path(tempfile.mkdtemp(prefix="acgs-postgres-"))
    port, password = free_port(), secrets.token_urlsafe(16)
    # SIGINT is a fast shutdown. Durability against a power cut is not asked of a test's server;
    # against SIGKILL it holds, since what was written is with the kernel.
    command = [
        str(programs.folder / "postgres"), "-D", str(folder / "data"), "-p", str(port),
        "-c", f"listen_addresses={LOOPBACK}", "-c", "unix_socket_directories=",
        "-c", f"max_connections={CONNECTIONS}", "-c", "fsync=off", "-c", "full_page_writes=off",
    ]  # fmt: skip
    process = Guarded("PostgreSQL", folder, command, signal.SIGINT, owner, _environment())
    server = Postgres(programs, port, secrets.token_urlsafe(16), password, process)
    try:
        _initialise(server, owner)
        server.start()
        create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        server.execute(create.format(sql.Identifier(USER), sql.Literal(password)))
        yield server
    finally:
        process.close()
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(server: Postgres, owner: str | None) -> None:
    folder = server.process.folder
    secret = folder / "password"
    secret.touch(0o600)
    secret.write_text(server.admin_password)
    if owner:
        for path in (folder, secret):
            shutil.chown(path, owner)
    done = subprocess.run(
        [str(server.programs.folder / "initdb"), "-D", str(folder / "data"), "-U", ADMIN,
         "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--locale=C", "--no-sync"],
        user=owner, group=owner and _group(owner), extra_groups=[] if owner else None,
        cwd=folder, env=_environment(), timeout=INITDB_SECONDS, check=False,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    secret.unlink()
    if done.returncode:
        raise ServerFailedError(f"initdb failed: {done.stderr.strip()[-800:]}")


def _group(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
