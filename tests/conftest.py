"""What every test may ask for."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from infra.servers.postgres import Postgres
from infra.servers.s3 import S3
from tests.support.platform import Platform, started
from tests.support.scheduling import ByPlatformOrFile, turn
from tests.support.stores import RAN, Databases, Kind, databases, postgres, s3

__all__ = ["databases", "postgres", "s3"]

_KEY = "acgs_servers"

# How fast examples come says how busy the machine is, nothing of what they test.
hypothesis_settings.register_profile(
    "suite", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """What a command sets for its process, and MLflow for its children, ends with the test."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture(scope="session")
def embedded_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The whole platform on SQLite and a folder."""
    with started(tmp_path_factory.mktemp("platform")) as platform:
        yield platform


@pytest.fixture(scope="session")
def server_platform(
    tmp_path_factory: pytest.TempPathFactory, databases: Databases, postgres: Postgres, s3: S3
) -> Iterator[Platform]:
    """The whole platform on PostgreSQL and S3."""
    del postgres  # before the platform that uses it, so gone after it
    stores = {
        "ACGS_DATABASE_URL": databases.new(Kind.POSTGRES),
        "ACGS_ARTIFACT_ROOT": f"s3://{s3.new_bucket()}/acgs",
        **s3.environment(),
    }
    with started(tmp_path_factory.mktemp("platform-on-servers"), approvals=0, **stores) as platform:
        yield platform


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring what takes longest first."""
    items.sort(key=lambda item: turn(item.nodeid))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Take modules and collected tests out of every later garbage collection: they stay anyway."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Leave each shared platform to one worker, and every other file to whoever is free."""
    return ByPlatformOrFile(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that prints which servers this worker started."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_KEY] = list(RAN)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take a worker's servers over."""
    RAN.extend(getattr(node, "workeroutput", {}).get(_KEY, ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the real servers that the tests ran on."""
    for version in dict.fromkeys(RAN):
        terminalreporter.write_line(f"ran on {version}")
