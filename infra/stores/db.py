"""Opens database engines so that no update is lost.

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
from sqlalchemy.exc import DataError, DBAPIError, OperationalError

from infra.errors import (
    ConflictError,
    NotFoundError,
    NotPreparedError,
    PlatformError,
    UnavailableError,
    UsageError,
)

BUSY_TIMEOUT_SECONDS = 20.0
CONNECT_SECONDS = 10


_UNDEFINED_TABLE = "42P01"  # PostgreSQL's code
_RACED = {"40001", "40P01"}  # PostgreSQL's codes: serialization failure, deadlock
_LIMITS = "54"  # PostgreSQL's class of codes: program limit exceeded
_TOO_COMPLEX = (
    "Expression tree is too large",
    "tables in a join",
    "pattern too complex",
    "too many SQL variables",
    "too many terms",
    "parser stack overflow",
    "string or blob too big",
)
"""What SQLite says of a statement beyond its limits; it has one code for all mistakes."""
_REFUSED = (
    "password authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "does not exist",
    "permission denied",
)
"""What PostgreSQL says when a login fails; the driver gives no code while it connects."""


class DatabaseRefusedError(PlatformError):
    """The database runs, but refuses the platform's user, password or database name."""

    code = "infra.database_refused"


def open_engine(url: str, *, make: bool = False) -> Engine:
    """Open a pooled engine for `url`; importing this module opens nothing.

    Args:
        url: of SQLAlchemy.
        make: whether a SQLite file that is missing may be made, with its folder. Otherwise
        connecting to it raises NotPreparedError, so that reading creates no file.

    Raises:
        UnavailableError: the folder of a SQLite file cannot be made.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        limit = {} if "connect_timeout" in parsed.query else {"connect_timeout": CONNECT_SECONDS}
        return create_engine(
            parsed, pool_pre_ping=True, pool_size=5, max_overflow=10, connect_args=limit
        )
    if parsed.database and make:
        try:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise UnavailableError(
                f"cannot make the folder of {parsed.database}: {err.strerror}",
                hint="point MLOPS_STORAGE_ROOT at a folder you may write to",
            ) from err
    engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})

    @event.listens_for(engine, "do_connect")
    def _require_file(*_args: Any) -> None:
        if parsed.database and not make and not Path(parsed.database).exists():
            raise _not_prepared(engine)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # The event below sends BEGIN; the driver's implicit one would be DEFERRED.
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
        NotPreparedError: the database is not there, or lacks the platform's tables.
        UnavailableError: the database cannot be reached or written, or stays locked.
    """
    with translated(engine), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open one read transaction: a consistent snapshot that blocks no writer."""
    with translated(engine), engine.connect() as connection:
        yield connection.execution_options(acgs_begin="DEFERRED")


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Translate the database's errors into ones a person can act on, while the block runs.

    Raises:
        NotPreparedError: the database lacks the platform's tables.
        UsageError: a text holds NUL characters or lone surrogates, or what is asked is too complex.
        NotFoundError: a number is larger than any the database can hold.
        UnavailableError: the database cannot be reached or written, or stays locked.
    """
    try:
        yield
    except OverflowError as err:
        raise NotFoundError(
            f"expected a number that exists, found one no database can hold: {err}"
        ) from err
    except ValueError as err:
        # PostgreSQL's driver refuses such text before it sends it.
        if not isinstance(err, UnicodeEncodeError) and "NUL" not in str(err):
            raise
        raise UsageError(
            f"expected text that a database can hold, found other: {err}",
            hint="leave out NUL characters and lone surrogates",
        ) from err
    except DBAPIError as err:
        known = _known(engine, err)
        if known is None:
            raise
        raise known from err


def is_storable(text: str) -> bool:
    """Whether every supported database can hold a text: no NUL, no lone surrogate."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _known(engine: Engine, error: DBAPIError) -> PlatformError | None:
    code = getattr(error.orig, "pgcode", None)
    text = str(error.orig)
    # What a server says in further lines quotes the statement.
    text = " ".join((text.partition("\n")[0] if code else text).split())
    if code == _UNDEFINED_TABLE or "no such table" in text:
        return _not_prepared(engine)
    if code in _RACED:
        return ConflictError(f"the database ended a transaction in favour of another: {text}")
    if isinstance(error, DataError):
        return UsageError(f"the database cannot hold a value: {text}", hint="shorten or correct it")
    connecting = isinstance(error, OperationalError) and code is None
    if connecting and any(said in text for said in _REFUSED):
        return DatabaseRefusedError(
            f"the database refused the platform's user: {text}",
            hint="correct user, password and database name in ACGS_DATABASE_URL",
        )
    if "disk is full" in text or "readonly database" in text or "disk I/O error" in text:
        return UnavailableError(
            f"cannot write the database {_shown(engine)}: {text}",
            hint="free some space there, or make it writable; then try again",
        )
    if (code or "").startswith(_LIMITS) or any(said in text for said in _TOO_COMPLEX):
        return UsageError(
            "expected a question that the database can carry out, found one that is too long or "
            "too complex",
            hint="ask for less at a time",
        )
    if isinstance(error, OperationalError):
        return UnavailableError(
            f"the database did not answer: {text}",
            hint="check that it runs and that ACGS_DATABASE_URL names it; then try again",
        )
    if error.connection_invalidated:
        return UnavailableError(f"the database closed the connection: {text}", hint="try again")
    return None


def _not_prepared(engine: Engine) -> NotPreparedError:
    database = engine.url.database
    file = engine.url.get_backend_name() == "sqlite" and database
    where = Path(database).absolute().parent if file and database else _shown(engine)
    return NotPreparedError(
        f"no platform was prepared in {where}: expected its database there, found none",
        hint="acgs up prepares and starts one; for another folder: acgs --storage-root FOLDER",
    )


def _shown(engine: Engine) -> str:
    if engine.url.get_backend_name() == "sqlite":
        return str(engine.url.database)
    return engine.url.render_as_string(hide_password=True)
