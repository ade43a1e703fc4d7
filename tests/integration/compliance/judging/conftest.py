"""The scoring queue and what its workers need, in every test of judging."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from compliance.adapters import tables
from compliance.judging.job_queue import JobQueue
from infra.stores.db import open_engine
from tests.integration.compliance.fakes import FakeRegistry, FakeReports
from tests.integration.compliance.judging.clock import Now
from tests.integration.compliance.kit import good_model, save


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    found = open_engine(f"sqlite:///{tmp_path / 'queue.db'}", make=True)
    with found.begin() as connection:
        tables.metadata.create_all(connection)
    yield found
    found.dispose()


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def queue(engine: Engine, now: Now) -> JobQueue:
    return JobQueue.of_lane(engine, 1, now)


@pytest.fixture
def registry(tmp_path: Path) -> FakeRegistry:
    return FakeRegistry(save(tmp_path / "model", good_model()))


@pytest.fixture
def reports() -> FakeReports:
    return FakeReports()
