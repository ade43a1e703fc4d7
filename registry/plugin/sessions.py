"""Opens the sessions of MLflow's stores so that no answer shows what the database was asked.

MLflow makes the text of every error within a session the message of its answer: the statement, the
values of others in it, the driver. Here each such error becomes a plain sentence, and the log gets
the whole of it. An error of Python's is an INTERNAL_ERROR to MLflow, even where the caller made the
mistake.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import Any

from mlflow.exceptions import MlflowException
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from registry.plugin import patterns, unreadable
from registry.plugin.mlflow_errors import without_sql

Sessions = Callable[..., AbstractContextManager[Session]]

_LARGEST = 2**63 - 1


def install() -> None:
    """Let the tracking store and the job store open such sessions; before they are opened.

    The registry's own store does so itself, in processes without a server too.
    """
    from mlflow.store.db import utils
    from mlflow.store.jobs import sqlalchemy_store as jobs

    if not hasattr(utils._get_managed_session_maker, "__wrapped__"):
        made = _made_plain(utils._get_managed_session_maker)
        utils._get_managed_session_maker = jobs._get_managed_session_maker = made


def plain_sessions(sessions: Sessions, engine: Engine) -> Sessions:
    """Return a session maker whose errors show no statement."""
    _compare_large_numbers(engine)
    patterns.use_in(engine)

    @contextmanager
    def opened(read_only: bool = True) -> Iterator[Session]:
        try:
            with sessions(read_only=read_only) as session:
                yield session
        except MlflowException as err:
            safe = without_sql(err, engine)
            if safe is not err:
                raise safe from err
            refused = unreadable.refusal(err.__cause__)
            if refused is not None:
                raise refused from err
            raise

    return opened


def _compare_large_numbers(engine: Engine) -> None:
    """Let SQLite compare with numbers beyond its own, as PostgreSQL does.

    Its driver refuses them, so that asking for an experiment which cannot exist would be an error.
    What is written is still refused.
    """
    if engine.dialect.name == "sqlite" and not event.contains(
        engine, "before_cursor_execute", _as_infinite
    ):
        event.listen(engine, "before_cursor_execute", _as_infinite, retval=True)


def _made_plain(make: Callable[[Any, str], Sessions]) -> Callable[[Any, str], Sessions]:
    @wraps(make)
    def call(session_maker: Any, db_type: str) -> Sessions:
        return plain_sessions(make(session_maker, db_type), session_maker.kw["bind"])

    return call


def _as_infinite(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any
) -> tuple[str, Any]:
    if statement.startswith("SELECT") and any(map(_is_too_large, parameters)):
        return statement, tuple(map(_comparable, parameters))
    return statement, parameters


def _is_too_large(value: object) -> bool:
    return isinstance(value, int) and not -_LARGEST <= value <= _LARGEST


def _comparable(value: Any) -> Any:
    if not _is_too_large(value):
        return value
    return math.inf if value > 0 else -math.inf
