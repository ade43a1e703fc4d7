"""Remembers, in the registry's database, which constitution and evidence were last in force.

The files of an installation's own constitution can go missing: a folder is removed, a volume is not
mounted, a second server starts with an empty root. The shipped constitution would then govern,
unseen. So the database remembers that this installation has its own, and a process that finds
the shipped one instead refuses to go on.

Where callers are known, a file that was changed counts for nothing until somebody who may put it
in force does; on an open server it counts at once.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from enum import IntEnum
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
_C = constitution.c


class Document(IntEnum):
    """A document that is in force, by its row."""

    CONSTITUTION = 1
    EVIDENCE = 2


_ROWS = {document: select(constitution).where(_C.id == document.value) for document in Document}


class NotInForceError(ConstitutionError):
    """A document was changed, and nobody who may has put it in force."""

    code = "registry.not_in_force"


@dataclass(frozen=True, slots=True)
class InForce:
    """A document: its digest, and whether it is the installation's own.

    Attributes:
        document: the whole of it, as JSON values; None where only its digest is known.
    """

    digest: str
    own: bool
    document: object = field(default=None, compare=False, repr=False)


_looked: dict[str, tuple[InForce, float]] = {}
_lock = threading.Lock()


def require(engine: Engine, found: InForce, *, strict: bool) -> None:
    """Refuse a constitution that took the place of another unseen.

    Args:
        engine: of the database.
        found: what the files say.
        strict: refuse every one but that which was put in force, not the shipped one alone.

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
            _refuse_unseen(recall(connection), found, strict)
    except NotPreparedError:
        # Nothing was ever decided here.
        return
    with _lock:
        _looked[where] = (found, time.monotonic())


def forget() -> None:
    """Read the database again at the next question."""
    with _lock:
        _looked.clear()


def recall(connection: Connection, document: Document = Document.CONSTITUTION) -> InForce | None:
    """Return the document last in force; None before the first."""
    return _in_force(connection.execute(_ROWS[document]).one_or_none())


def note(connection: Connection, found: InForce, at_ms: int, *, strict: bool) -> None:
    """Record a change of the constitution in force, in the caller's transaction.

    Raises:
        ConstitutionError: it may not take the other's place; see `require`.
    """
    if recall(connection) == found:
        return
    # Waits for a process that records another one meanwhile, so that the change is recorded once.
    row = _ROWS[Document.CONSTITUTION].with_for_update()
    before = _in_force(connection.execute(row).one_or_none())
    _refuse_unseen(before, found, strict)
    if before != found:
        adopt(connection, Document.CONSTITUTION, found, Act(SYSTEM, at_ms))


def _refuse_unseen(before: InForce | None, found: InForce, strict: bool) -> None:
    _refuse_shipped(before, found)
    if strict and before is not None and before != found:
        raise NotInForceError(
            f"expected the constitution that was put in force, {before.digest}, found "
            f"{found.digest}",
            hint="have it put in force by somebody who may: acgs constitution adopt; else restore "
            "the document and its lock",
        )


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


def adopt(connection: Connection, document: Document, found: InForce, act: Act) -> None:
    """Record that a document is in force, with its event, in the caller's transaction."""
    values = {"digest": found.digest, "own": found.own, "since_ms": act.at_ms}
    row = _C.id == document.value
    changed = connection.execute(update(constitution).where(row).values(**values))
    if not changed.rowcount:
        try:
            with connection.begin_nested():
                connection.execute(insert(constitution).values(id=document.value, **values))
        except IntegrityError:
            # Another process was first; it found the same files.
            return
    events.record(
        connection,
        "constitution.changed" if document is Document.CONSTITUTION else "evidence.changed",
        act,
        name=document.name.lower(),
        # In full: a year later the file says something else, and the log shall say what held.
        data={"digest": found.digest, "own": found.own, "document": found.document},
    )
