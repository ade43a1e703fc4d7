"""Real stores for tests: one PostgreSQL and one S3 server a run, databases and buckets a test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import TypeVar

import pytest

from infra.servers import postgres as postgres_server
from infra.servers import s3 as s3_server
from infra.servers.errors import ServerMissingError
from infra.servers.postgres import Postgres
from infra.servers.s3 import S3

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
