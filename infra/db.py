"""Database engines, opened the one way that loses no update.

SQLite runs in WAL mode and every transaction begins IMMEDIATE: a read-then-write transaction
that begins DEFERRED silently loses updates when writers race.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from infra.errors import UnavailableError

BUSY_TIMEOUT_SECONDS = 20.0


def open_engine(url: str) -> Engine:
    """Open a pooled engine for `url`; importing this module opens nothing.

    Raises:
        UnavailableError: the folder of a SQLite file cannot be made.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True, pool_size=5, max_overflow=10)
    if parsed.database:
        try:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise UnavailableError(
                f"cannot make the folder of {parsed.database}: {err.strerror}",
                hint="point MLOPS_STORAGE_ROOT at a folder you may write to",
            ) from err
    engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # Our own BEGIN below; the driver's implicit one would be DEFERRED.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get("acgs_begin", "IMMEDIATE")
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Open one write transaction: committed on leaving, rolled back on an error.

    Raises:
        UnavailableError: the database cannot be reached, or stays locked.
    """
    with _translated(), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open one read transaction: a consistent snapshot that blocks no writer."""
    with _translated(), engine.connect() as connection:
        yield connection.execution_options(acgs_begin="DEFERRED")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as err:
        raise UnavailableError(
            f"the database did not answer: {err.orig}",
            hint="check that it runs and that ACGS_DATABASE_URL names it; then try again",
        ) from err
    except DBAPIError as err:
        if err.connection_invalidated:
            raise UnavailableError(
                f"the database closed the connection: {err.orig}", hint="try again"
            ) from err
        raise
