"""Inserts and reads the votes that people lend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from registry.adapters.tables import delegation
from registry.audit.adapters import events
from registry.domain.records import Act
from registry.gate.adapters.principals import principal_of
from registry.gate.domain.delegation import Delegation

SUBJECT = "delegation"
"""Name of delegations in the audit trail, as one is for patterns of names."""
_D = delegation.c


def add(connection: Connection, lent: Delegation, act: Act) -> int:
    """Insert a delegation with its event, and return its number."""
    result = connection.execute(
        insert(delegation).values(
            lender=lent.lender.facts(),
            deputy=lent.deputy,
            deputy_key=lent.deputy_key,
            role=lent.role,
            names=list(lent.names),
            actor=act.actor,
            created_ms=lent.created_ms,
            until_ms=lent.until_ms,
        )
    )
    key = result.inserted_primary_key
    if key is None:
        raise RuntimeError("the database returned no key for an inserted delegation")
    _event(connection, "delegation.created", int(key[0]), lent, act)
    return int(key[0])


def revoke(connection: Connection, lent: Delegation, act: Act) -> None:
    """Take a delegation back, with its event; does nothing to one that was taken back."""
    result = connection.execute(
        update(delegation)
        .where(_D.id == lent.id, _D.revoked_ms.is_(None))
        .values(revoked_ms=act.at_ms)
    )
    if result.rowcount:
        _event(connection, "delegation.revoked", lent.id, lent, act)


def find(connection: Connection, delegation_id: int) -> Delegation | None:
    """Return one delegation."""
    row = connection.execute(select(delegation).where(_D.id == delegation_id)).one_or_none()
    return _delegation(row) if row else None


def of_deputy(connection: Connection, deputy_key: str) -> list[Delegation]:
    """Return what was lent to a person, oldest first, with what has ended."""
    rows = connection.execute(select(delegation).where(_D.deputy_key == deputy_key).order_by(_D.id))
    return [_delegation(row) for row in rows]


def numbered(connection: Connection, ids: Sequence[int]) -> dict[int, Delegation]:
    """Return the delegations with these numbers, by number."""
    rows = connection.execute(select(delegation).where(_D.id.in_(ids)))
    return {row.id: _delegation(row) for row in rows}


def every(connection: Connection) -> list[Delegation]:
    """Return every delegation, newest first."""
    rows = connection.execute(select(delegation).order_by(_D.id.desc()))
    return [_delegation(row) for row in rows]


def _delegation(row: Row[Any]) -> Delegation:
    lender = principal_of(row.lender)
    if lender is None:
        raise RuntimeError(f"delegation {row.id} has no lender")
    return Delegation(
        row.id,
        lender,
        row.deputy,
        row.deputy_key,
        row.role,
        tuple(row.names),
        row.created_ms,
        row.until_ms,
        row.revoked_ms,
    )


def _event(
    connection: Connection, type: str, delegation_id: int, lent: Delegation, act: Act
) -> None:
    data = {
        "delegation": delegation_id,
        "lender": lent.lender.name,
        "deputy": lent.deputy,
        "role": lent.role,
        "names": list(lent.names),
        "until_ms": lent.until_ms,
    }
    events.record(connection, type, act, name=SUBJECT, data=data)
