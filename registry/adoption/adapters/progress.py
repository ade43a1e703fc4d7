"""Reads and writes the back-fill's one row, and counts the versions that still wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, exists, func, or_, select, update

from infra.processes.leases import LeaseTable, is_gone, shown
from registry.adapters import mlflow_tables as mlflow
from registry.adapters import tables as core
from registry.adoption.adapters.tables import adoption

_A = adoption.c
_ROW = 1

LEASES = LeaseTable(adoption, _A.id, _A.holder, _A.held_until_ms)
LEASE = _ROW
"""The lease on the back-fill lies in the row of its progress."""


@dataclass(frozen=True, slots=True)
class BackfillProgress:
    """Says how far the back-fill has come.

    Attributes:
        recorded: versions that it gave a record since it began.
        unreadable: of those, how many have files that cannot be read.
        waiting: versions without a record at the last count.
        started_ms: when it began; None when it never did.
        finished_ms: when nothing was left; None while something is.
        holder: the process that works now; None when none does.
    """

    recorded: int
    unreadable: int
    waiting: int
    started_ms: int | None
    finished_ms: int | None
    holder: str | None


def read(connection: Connection, at_ms: int) -> BackfillProgress:
    """Return the back-fill's progress."""
    row = connection.execute(select(adoption).where(_A.id == _ROW)).one_or_none()
    if row is None:
        return BackfillProgress(0, 0, 0, None, None, None)
    return BackfillProgress(
        recorded=row.recorded,
        unreadable=row.unreadable,
        waiting=row.waiting,
        started_ms=row.started_ms,
        finished_ms=row.finished_ms,
        holder=shown(row.holder) if _is_held(row, at_ms) else None,
    )


def _is_held(row: Row[Any], at_ms: int) -> bool:
    return row.holder is not None and row.held_until_ms > at_ms and not is_gone(row.holder)


def begin(connection: Connection, waiting: int, at_ms: int) -> None:
    """Record that versions wait; a finished back-fill starts again."""
    connection.execute(
        update(adoption)
        .where(_A.id == _ROW, or_(_A.started_ms.is_(None), _A.finished_ms.is_not(None)))
        .values(started_ms=at_ms, finished_ms=None, recorded=0, unreadable=0)
    )
    connection.execute(update(adoption).where(_A.id == _ROW).values(waiting=waiting))


def advance(connection: Connection, recorded: int, unreadable: int) -> None:
    """Record that versions got their record, in the transaction that made them."""
    connection.execute(
        update(adoption)
        .where(_A.id == _ROW)
        .values(
            recorded=_A.recorded + recorded,
            unreadable=_A.unreadable + unreadable,
            waiting=_A.waiting - recorded,
        )
    )


def finish(connection: Connection, at_ms: int) -> None:
    """Record that no version waits any more."""
    connection.execute(
        update(adoption)
        .where(_A.id == _ROW, _A.started_ms.is_not(None), _A.finished_ms.is_(None))
        .values(finished_ms=at_ms, waiting=0)
    )


def waiting(connection: Connection, governs: Callable[[str], bool]) -> dict[str, int]:
    """Return how many versions of each governed model have no record, ordered by model name."""
    mv, v = mlflow.model_versions.c, core.version.c
    recorded = exists().where(v.name == mv.name, v.version == mv.version, v.deleted_ms.is_(None))
    rows = connection.execute(
        select(mv.name, func.count())
        .where(
            mv.workspace == mlflow.WORKSPACE,
            mv.current_stage != mlflow.DELETED,
            mlflow.HAS_FILES,
            ~recorded,
        )
        .group_by(mv.name)
        .order_by(mv.name)
    )
    return {name: count for name, count in rows if governs(name)}
