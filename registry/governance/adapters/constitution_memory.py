"""Remembers, in the registry's database, which constitution was last in force.

The files of an installation's own constitution can go missing: a folder is removed, a volume is not
mounted, a second server starts with an empty root. The shipped constitution would then govern,
unseen. So the database remembers that this installation has its own, and a process that finds
the shipped one instead refuses to go on.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from infra.errors import NotPreparedError
from infra.stores.db import reading
from registry.adapters.tables import constitution
from registry.audit.adapters import events
from registry.domain.records import Act
from registry.domain.values import SYSTEM
from registry.governance.adapters.governance_file import ConstitutionError

LOOKED_SECONDS = 5.0
"""For how long the result of one read of the database is used."""
SUBJECT = "constitution"
"""The constitution's name in the audit trail."""
_ROW = 1
_C = constitution.c
_ONLY = select(constitution).where(_C.id == _ROW)


@dataclass(frozen=True, slots=True)
class InForce:
    """A constitution: its digest, and whether it is the installation's own."""

    digest: str
    own: bool


_looked: dict[str, tuple[InForce, float]] = {}
_lock = threading.Lock()


def require(engine: Engine, found: InForce) -> None:
    """Refuse the shipped constitution if the installation's own was in force before.

    Raises:
        ConstitutionError: that is so.
    """
    where = engine.url.render_as_string(hide_password=True)
    with _lock:
        known, at = _looked.get(where, (None, 0.0))
    if known == found and time.monotonic() - at < LOOKED_SECONDS:
        return
    try:
        with reading(engine) as connection:
            _refuse_shipped(recall(connection), found)
    except NotPreparedError:
        # Nothing was ever decided here.
        return
    with _lock:
        _looked[where] = (found, time.monotonic())


def recall(connection: Connection) -> InForce | None:
    """Return the constitution last in force; None before the first."""
    return _in_force(connection.execute(_ONLY).one_or_none())


def note(connection: Connection, found: InForce, at_ms: int) -> None:
    """Record a change of the constitution in force, in the caller's transaction.

    Raises:
        ConstitutionError: it is the shipped one, where one of the installation's own was in force.
    """
    if recall(connection) == found:
        return
    # Waits for a process that records another one meanwhile, so that the change is recorded once.
    before = _in_force(connection.execute(_ONLY.with_for_update()).one_or_none())
    _refuse_shipped(before, found)
    if before != found:
        _write(connection, found, SYSTEM, at_ms)


def accept_shipped(connection: Connection, found: InForce, actor: str, at_ms: int) -> None:
    """Record that a person chose to be governed by the shipped constitution again."""
    _write(connection, found, actor, at_ms)


def _refuse_shipped(before: InForce | None, found: InForce) -> None:
    if before is not None and before.own and not found.own:
        raise ConstitutionError(
            f"expected the constitution of this installation, {before.digest}, found none: "
            "the shipped one would govern instead",
            hint="restore <storage root>/constitution or ACGS_CONSTITUTION; to be governed by the "
            "shipped one on purpose: acgs constitution accept-shipped",
        )


def _in_force(row: Row[Any] | None) -> InForce | None:
    return InForce(row.digest, row.own) if row else None


def _write(connection: Connection, found: InForce, actor: str, at_ms: int) -> None:
    values = {"digest": found.digest, "own": found.own, "since_ms": at_ms}
    changed = connection.execute(update(constitution).where(_C.id == _ROW).values(**values))
    if not changed.rowcount:
        try:
            with connection.begin_nested():
                connection.execute(insert(constitution).values(id=_ROW, **values))
        except IntegrityError:
            # Another process was first; it found the same files.
            return
    events.record(
        connection,
        "constitution.changed",
        Act(actor, at_ms),
        name=SUBJECT,
        data={"digest": found.digest, "own": found.own},
    )
