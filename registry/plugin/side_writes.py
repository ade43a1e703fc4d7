"""Our writes inside MLflow's own transactions: both happen, or neither."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from mlflow.exceptions import MlflowException
from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from registry.adapters import locks
from registry.plugin.mlflow_errors import translated, without_sql

SideWrite = Callable[[Connection], None]
Sessions = Callable[..., AbstractContextManager[Session]]


class SideWrites:
    """Wraps MLflow's session maker so that the next write session carries a write of ours."""

    def __init__(self, plain: Sessions, engine: Engine) -> None:
        self._plain = plain
        self._engine = engine
        self._pending = threading.local()

    @contextmanager
    def sessions(self, read_only: bool = True) -> Iterator[Session]:
        """MLflow's `ManagedSessionMaker`, with the pending write before the commit.

        What the database refuses is told without its statement.
        """
        try:
            with self._plain(read_only=read_only) as session:
                if read_only:
                    yield session
                else:
                    self._begin(session)
                    yield session
                    self._write(session)
        except MlflowException as err:
            told = without_sql(err, self._engine)
            if told is err:
                raise
            raise told from err

    def _begin(self, session: Session) -> None:
        if self._engine.dialect.name == "sqlite":
            # Otherwise two writers may read the same state, and one update is lost.
            session.execute(text("BEGIN IMMEDIATE"))
        model: str | None = getattr(self._pending, "model", None)
        if model is not None:
            locks.hold_model(session.connection(), model)

    def _write(self, session: Session) -> None:
        write: SideWrite | None = getattr(self._pending, "write", None)
        if write is not None:
            self._pending.write = None
            session.flush()
            translated(write)(session.connection())

    @contextmanager
    def __call__(self, model: str | None, write: SideWrite | None = None) -> Iterator[None]:
        """Make this thread's write sessions alone on a model, and run `write` at the next's end.

        `model` is None where nothing that others compare with is changed.
        """
        self._pending.model, self._pending.write = model, write
        try:
            yield
        finally:
            self._pending.model = self._pending.write = None
