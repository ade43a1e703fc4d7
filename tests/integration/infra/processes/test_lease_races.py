"""Threads stand for processes of several machines that ask for one lease at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Engine, delete

from infra.clock import utc_now
from infra.processes.leases import Leases
from infra.stores.db import open_engine, transaction
from registry.artifacts.adapters import tables
from registry.artifacts.base import LEASE_MS, LEASES
from tests.support.stores import Databases, Kind

PROCESSES = 8
ROUNDS = 10


@pytest.fixture(scope="module", params=list(Kind))
def engine(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Engine]:
    opened = open_engine(databases.new(request.param))
    yield opened
    opened.dispose()


def at(moment: datetime) -> datetime:
    return moment


def winners(processes: list[Leases]) -> list[str]:
    """Let all ask at once; return who got the lease."""
    start = threading.Barrier(len(processes))

    def ask(leases: Leases) -> bool:
        start.wait()
        return leases.take("work")

    with ThreadPoolExecutor(len(processes)) as pool:
        had = list(pool.map(ask, processes))
    return [leases.owner for leases, won in zip(processes, had, strict=True) if won]


@pytest.mark.parametrize("is_taken", [False, True], ids=["new", "run out"])
def test_of_many_that_ask_at_once_one_gets_the_lease(engine: Engine, is_taken: bool) -> None:
    processes = [Leases(engine, LEASES, LEASE_MS, f"host-{n}|1|x") for n in range(PROCESSES)]
    for _ in range(ROUNDS):
        with transaction(engine) as connection:
            connection.execute(delete(tables.lease))
        if is_taken:
            before = utc_now() - timedelta(milliseconds=LEASE_MS + 1)
            assert Leases(engine, LEASES, LEASE_MS, "host-dead|1|x", partial(at, before)).take(
                "work"
            )
        assert len(winners(processes)) == 1
