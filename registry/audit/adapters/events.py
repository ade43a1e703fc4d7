"""Writes the audit trail and the outbox with one insert, in the caller's transaction."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, insert, select

from infra.identity.current import facts_of
from registry.adapters import tables
from registry.domain.records import Act, Event

# Made once: to make them costs as much as to carry them out.
_ADD = insert(tables.event)
_HOOKS = select(tables.webhook.c.id, tables.webhook.c.events).where(tables.webhook.c.active)


@dataclass(frozen=True, slots=True)
class Happened:
    """One of many events of the same type."""

    name: str
    version: int | None
    data: Mapping[str, Any] = field(hash=False)


def record(
    connection: Connection,
    type: str,
    act: Act,
    *,
    name: str,
    version: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> int:
    """Insert an event and one pending delivery for each webhook that asked for its type.

    Returns:
        The event's id. Event and deliveries exist exactly if the caller's transaction commits.
    """
    row = {
        "uid": str(uuid.uuid4()),
        "type": type,
        "name": name,
        "version": version,
        "request_id": act.request_id,
        "actor": act.actor,
        "at_ms": act.at_ms,
        "data": dict(data or {}),
        "principal": facts_of(act.actor),
    }
    result = connection.execute(_ADD, row)
    key = result.inserted_primary_key
    if key is None:
        raise RuntimeError("the database returned no key for an inserted event")
    event_id = int(key[0])
    _deliver(connection, [event_id], _subscribers(connection, type), act.at_ms)
    return event_id


def record_many(connection: Connection, type: str, happened: Sequence[Happened], act: Act) -> None:
    """Insert many events of one type, and their deliveries, in a few statements."""
    principal = facts_of(act.actor)
    rows = [
        {
            "uid": str(uuid.uuid4()),
            "type": type,
            "name": one.name,
            "version": one.version,
            "request_id": act.request_id,
            "actor": act.actor,
            "at_ms": act.at_ms,
            "data": dict(one.data),
            "principal": principal,
        }
        for one in happened
    ]
    if not rows:
        return
    connection.execute(insert(tables.event), rows)
    hooks = _subscribers(connection, type)
    if hooks:
        uids = [row["uid"] for row in rows]
        ids = connection.execute(select(tables.event.c.id).where(tables.event.c.uid.in_(uids)))
        _deliver(connection, list(ids.scalars()), hooks, act.at_ms)


def _subscribers(connection: Connection, type: str) -> list[int]:
    hooks = connection.execute(_HOOKS)
    return [hook.id for hook in hooks if "*" in hook.events or type in hook.events]


def _deliver(
    connection: Connection, event_ids: Sequence[int], webhook_ids: Sequence[int], at_ms: int
) -> None:
    deliveries = [
        {
            "id": str(uuid.uuid4()),
            "event_id": event_id,
            "webhook_id": webhook_id,
            "state": "pending",
            "attempts": 0,
            "next_attempt_ms": at_ms,
        }
        for event_id in event_ids
        for webhook_id in webhook_ids
    ]
    if deliveries:
        connection.execute(insert(tables.delivery), deliveries)


def trail(
    connection: Connection, *, after_id: int = 0, name: str | None = None, limit: int = 1000
) -> list[Event]:
    """Return the audit trail, oldest first."""
    e = tables.event.c
    query = select(tables.event).where(e.id > after_id).order_by(e.id).limit(limit)
    if name is not None:
        query = query.where(e.name == name)
    return [Event(**row._mapping) for row in connection.execute(query)]
