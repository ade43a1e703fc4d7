"""Our writes inside MLflow's own transactions: both happen, or neither."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from registry.adapters import locks
from registry.plugin.mlflow_errors import translated

SideWrite = Callable[[Connection], None]
Sessions = Callable[..., AbstractContextManager[Session]]


class SideWrites:
    """Wraps MLflow's session maker so that the next write session carries a write of ours."""

    def __init__(self, plain: Sessions, dialect: str) -> None:
        self._plain = plain
        self._dialect = dialect
        self._pending = threading.local()

    @contextmanager
    def sessions(self, read_only: bool = True) -> Iterator[Session]:
        """MLflow's `ManagedSessionMaker`, with the pending write before the commit."""
        with self._plain(read_only=read_only) as session:
            if not read_only and self._dialect == "sqlite":
                # Otherwise two writers may read the same state, and one update is lost.
                session.execute(text("BEGIN IMMEDIATE"))
            model: str | None = getattr(self._pending, "model", None)
            if model is not None and not read_only:
                locks.hold_model(session.connection(), model)
            yield session
            write: SideWrite | None = getattr(self._pending, "write", None)
            if write is not None and not read_only:
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
