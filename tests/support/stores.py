"""Real stores for tests: one PostgreSQL and one S3 server a run, databases and buckets a test."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import pytest

from infra.servers import postgres as postgres_server
from infra.servers import s3 as s3_server
from infra.servers.errors import ServerMissingError
from infra.servers.postgres import Postgres
from infra.servers.s3 import S3
from infra.settings import Settings
from infra.stores import migrations

RAN: list[str] = []
"""Servers that this run started, named at its end."""

Server = TypeVar("Server", Postgres, S3)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; make databases of your own with `new_database`."""
    with ExitStack() as stack:
        yield entered(stack, postgres_server.started())


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """An S3 server; make buckets of your own with `new_bucket`, users with `new_user`."""
    with ExitStack() as stack:
        yield entered(stack, s3_server.started())


def entered(stack: ExitStack, starting: AbstractContextManager[Server]) -> Server:
    """Start a server; one that cannot be had fails the test in CI and skips it elsewhere."""
    try:
        server = stack.enter_context(starting)
    except ServerMissingError as err:
        if os.environ.get("CI"):
            pytest.fail(str(err))
        pytest.skip(str(err))
    RAN.append(server.version)
    return server


class Kind(StrEnum):
    """A database the platform runs on."""

    SQLITE = "sqlite"
    POSTGRES = "postgresql"


@cache
def migrated(*, components: bool = True) -> Path:
    """Return a SQLite database with its schema in place, to be copied.

    MLflow's migrations take seconds, a copy takes some milliseconds.

    Args:
        components: whether it has every component's tables, or MLflow's alone.
    """
    root = Path(tempfile.mkdtemp(prefix="acgs-databases-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    migrations.upgrade(Settings(storage_root=root), None if components else [])
    return root / "registry.db"


def put_database(root: Path, *, components: bool = True) -> None:
    """Give a storage root its embedded database, as `acgs prepare` would."""
    root.mkdir(parents=True, exist_ok=True)
    shutil.copy(migrated(components=components), root / "registry.db")


class Databases:
    """Databases of both kinds whose migrations ran once: a new one is a copy of a template."""

    def __init__(self, folder: Path, postgres: Callable[[], Postgres]) -> None:
        self._folder = folder
        self._postgres = postgres
        self._templates: dict[bool, str] = {}

    def new(self, kind: Kind, *, components: bool = True) -> str:
        """Return the URL of a database of its own.

        Args:
            kind: of the database.
            components: whether it has every component's tables, or MLflow's alone.
        """
        match kind:
            case Kind.POSTGRES:
                return self._postgres().new_database(self._template(components))
            case Kind.SQLITE:
                copy = self._folder / f"{uuid4().hex}.db"
                shutil.copy(migrated(components=components), copy)
                return f"sqlite:///{copy}"

    def _template(self, components: bool) -> str:
        if components not in self._templates:
            url = self._postgres().new_database()
            settings = Settings(storage_root=self._folder, database_url=url)
            migrations.upgrade(settings, None if components else [])
            self._templates[components] = url
        return self._templates[components]


@pytest.fixture(scope="session")
def databases(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Databases:
    """Databases with their schema in place; PostgreSQL starts when one is first asked for."""
    return Databases(
        tmp_path_factory.mktemp("databases"), lambda: request.getfixturevalue("postgres")
    )
