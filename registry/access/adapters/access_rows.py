"""Keeps the documents of roles; the newest is in force."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, text

from registry.adapters.tables import access
from registry.audit.adapters import events
from registry.domain.records import Act

SUBJECT = "access"
"""The roles' name in the audit trail."""
_NEWEST = select(access).order_by(access.c.id.desc()).limit(1)
_NEWEST_ID = select(func.max(access.c.id))


@dataclass(frozen=True, slots=True)
class Adopted:
    """A document of roles that was put in force.

    Attributes:
        id: grows with each one.
        digest: `sha256:<hex>` of the canonical document.
        actor: who put it in force.
    """

    id: int
    digest: str
    document: dict[str, Any] = field(hash=False)
    actor: str
    since_ms: int


def lock(connection: Connection) -> None:
    """Let one transaction at a time put a document in force, until the caller's ends.

    Else somebody whose right another document takes away meanwhile could undo that.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(text("LOCK TABLE acgs_access IN SHARE ROW EXCLUSIVE MODE"))


def newest_id(connection: Connection) -> int | None:
    """Return the id of the document in force; None before the first."""
    found = connection.execute(_NEWEST_ID).scalar()
    return None if found is None else int(found)


def newest(connection: Connection) -> Adopted | None:
    """Return the document in force; None before the first."""
    return _adopted(connection.execute(_NEWEST).one_or_none())


def history(connection: Connection) -> list[Adopted]:
    """Return every document that was put in force, newest first."""
    rows = connection.execute(select(access).order_by(access.c.id.desc()))
    return [Adopted(**row._mapping) for row in rows]


def adopt(
    connection: Connection, digest: str, document: dict[str, Any], act: Act, why: str
) -> None:
    """Put a document in force, with its event, in the caller's transaction.

    Args:
        connection: of that transaction.
        digest: of the canonical document.
        document: plain JSON values.
        act: who does it, and when.
        why: reason for going round the roles in force; empty for who did not.
    """
    before = newest(connection)
    connection.execute(
        insert(access).values(digest=digest, document=document, actor=act.actor, since_ms=act.at_ms)
    )
    events.record(
        connection,
        "access.changed",
        act,
        name=SUBJECT,
        data={
            "digest": digest,
            "before": before.digest if before else None,
            **({"recovered_because": why} if why else {}),
        },
    )


def _adopted(row: Row[Any] | None) -> Adopted | None:
    return Adopted(**row._mapping) if row else None
