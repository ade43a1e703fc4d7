"""A database as plain MLflow leaves it: a few rows through its API, thousands as it writes them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from mlflow.store.model_registry.dbmodels.models import (
    SqlModelVersion,
    SqlModelVersionTag,
    SqlRegisteredModel,
)
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import Engine, MetaData, Table, insert, inspect, select

from tests.ports import free_port

BASE_MS = 1_700_000_000_000
ROWS = 1_000
"""Rows in one statement."""
START_SECONDS = 240.0
STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Version:
    """A version as its author registered it."""

    name: str
    number: int
    source: str
    run_id: str | None = None
    stage: str = "None"
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def plain_store(url: str) -> Iterator[SqlAlchemyStore]:
    """Open MLflow's own store, which makes its tables."""
    store = SqlAlchemyStore(url)
    try:
        yield store
    finally:
        store.engine.dispose()
        SqlAlchemyStore._engine_map.pop(url, None)


def fill(engine: Engine, versions: Iterable[Version]) -> None:
    """Insert models and versions, column by column what MLflow's API would have written."""
    known: set[str] = set()
    models: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    tags: list[dict[str, Any]] = []
    for count, version in enumerate(versions):
        at_ms = BASE_MS + count
        if version.name not in known:
            known.add(version.name)
            models.append(
                {"name": version.name, "creation_time": at_ms, "last_updated_time": at_ms}
            )
        rows.append(
            {
                "name": version.name,
                "version": version.number,
                "creation_time": at_ms,
                "last_updated_time": at_ms,
                "description": version.description,
                "current_stage": version.stage,
                "source": version.source,
                "storage_location": version.source,
                "run_id": version.run_id,
                "status": "READY",
            }
        )
        tags += [
            {"name": version.name, "version": version.number, "key": key, "value": value}
            for key, value in version.tags.items()
        ]
    with engine.begin() as connection:
        for table, wanted in (
            (SqlRegisteredModel, models),
            (SqlModelVersion, rows),
            (SqlModelVersionTag, tags),
        ):
            for start in range(0, len(wanted), ROWS):
                connection.execute(insert(table.__table__), wanted[start : start + ROWS])


def dump(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table that is not the platform's, in a fixed order."""
    found = {}
    metadata = MetaData()
    with engine.connect() as connection:
        for name in sorted(inspect(engine).get_table_names()):
            if name.startswith("acgs_"):
                continue
            table = Table(name, metadata, autoload_with=connection)
            found[name] = sorted((tuple(row) for row in connection.execute(select(table))), key=str)
    return found


@contextmanager
def plain_server(root: Path) -> Iterator[str]:
    """Run `mlflow server`, without the platform, on a new database and folder; yield its URL."""
    port = free_port()
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("ACGS_", "MLFLOW_", "MLOPS_"))
    }
    log = root / "server.log"
    with log.open("wb") as sink:
        # Its children outlive it: the session ends them together.
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1",
             "--backend-store-uri", f"sqlite:///{root / 'mlflow.db'}",
             "--artifacts-destination", str(root / "artifacts")],
            env=inherited | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=sink, stderr=sink, start_new_session=True,
        )  # fmt: skip
    try:
        _await(f"http://127.0.0.1:{port}", server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _await(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit and server.poll() is None:
        try:
            if httpx.get(f"{url}/health", trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"mlflow server did not start:\n{log.read_text()}")
