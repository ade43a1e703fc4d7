"""Writes the platform's rows inside MLflow's own transactions: both commit, or neither."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from registry.adapters import locks
from registry.plugin.mlflow_errors import translated
from registry.plugin.sessions import Sessions, plain_sessions

SideWrite = Callable[[Connection], None]


class SideWrites:
    """Wraps MLflow's session maker so that the next write session includes the platform's write."""

    def __init__(self, plain: Sessions, engine: Engine) -> None:
        self._plain = plain_sessions(plain, engine)
        self._engine = engine
        self._pending = threading.local()

    @contextmanager
    def sessions(self, read_only: bool = True) -> Iterator[Session]:
        """Return MLflow's `ManagedSessionMaker`, with the pending write before the commit."""
        with self._plain(read_only=read_only) as session:
            if read_only:
                yield session
            else:
                self._begin(session)
                yield session
                self._write(session)

    def _begin(self, session: Session) -> None:
        if self._engine.dialect.name == "sqlite":
            # Otherwise two writers may read the same state, and one update is lost.
            session.execute(text("BEGIN IMMEDIATE"))
        model: str | None = getattr(self._pending, "model", None)
        if model is not None:
            locks.lock_model(session.connection(), model)

    def _write(self, session: Session) -> None:
        write: SideWrite | None = getattr(self._pending, "write", None)
        if write is not None:
            self._pending.write = None
            session.flush()
            translated(write)(session.connection())

    @contextmanager
    def __call__(self, model: str | None, write: SideWrite | None = None) -> Iterator[None]:
        """Lock a model for this thread's write sessions, and run `write` before the commit.

        `model` is None where nothing that others compare with is changed.
        """
        self._pending.model, self._pending.write = model, write
        try:
            yield
        finally:
            self._pending.model = self._pending.write = None
