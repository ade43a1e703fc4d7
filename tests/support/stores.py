"""Real stores for tests: one PostgreSQL and one S3 server a run, databases and buckets a test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import pytest

from infra import migrations
from infra.servers import postgres as postgres_server
from infra.servers import s3 as s3_server
from infra.servers.errors import ServerMissingError
from infra.servers.postgres import Postgres
from infra.servers.s3 import S3
from infra.settings import Settings

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


class Databases:
    """Databases of both kinds whose migrations ran once: a new one is a copy of a template.

    MLflow's migrations take seconds, a copy takes some 50 ms.
    """

    def __init__(self, folder: Path, postgres: Callable[[], Postgres]) -> None:
        self._folder = folder
        self._postgres = postgres
        self._templates: dict[tuple[Kind, bool], str] = {}

    def new(self, kind: Kind, *, components: bool = True) -> str:
        """Return the URL of a database of its own.

        Args:
            kind: of the database.
            components: whether it has every component's tables, or MLflow's alone.
        """
        template = self._templates.get((kind, components))
        if template is None:
            template = self._empty(kind)
            settings = Settings(storage_root=self._folder, database_url=template)
            migrations.upgrade(settings, None if components else [])
            self._templates[kind, components] = template
        return self._copy(kind, template)

    def _empty(self, kind: Kind) -> str:
        if kind is Kind.POSTGRES:
            return self._postgres().new_database()
        return f"sqlite:///{self._folder / uuid4().hex}.db"

    def _copy(self, kind: Kind, template: str) -> str:
        if kind is Kind.POSTGRES:
            return self._postgres().new_database(template)
        url = self._empty(kind)
        shutil.copy(template.removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))
        return url


@pytest.fixture(scope="session")
def databases(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Databases:
    """Databases with their schema in place; PostgreSQL starts when one is first asked for."""
    return Databases(
        tmp_path_factory.mktemp("databases"), lambda: request.getfixturevalue("postgres")
    )
