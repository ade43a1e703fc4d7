"""Writes the audit trail and the outbox with one insert, in the caller's transaction."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select

from infra.identity.current import facts_of
from registry.adapters import tables
from registry.audit.domain.interest import Interest
from registry.domain.records import Act, Event

# Made once: to make them costs as much as to carry them out.
_ADD = insert(tables.event)
_hook = tables.webhook.c
# What a paused webhook is owed is queued later (registry/webhooks/backlog.py).
_HOOKS: Select[Any] = select(
    _hook.id, _hook.events, _hook.names, _hook.stages, _hook.outcomes
).where(_hook.active, _hook.paused_ms.is_(None))


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
    """Insert an event and one pending delivery for each webhook that wants it.

    Returns:
        The event's id. Event and deliveries exist exactly if the caller's transaction commits.
    """
    happened = Happened(name, version, dict(data or {}))
    row = {
        "uid": str(uuid.uuid4()),
        "type": type,
        "name": name,
        "version": version,
        "request_id": act.request_id,
        "actor": act.actor,
        "at_ms": act.at_ms,
        "data": happened.data,
        "principal": facts_of(act.actor),
    }
    result = connection.execute(_ADD, row)
    key = result.inserted_primary_key
    if key is None:
        raise RuntimeError("the database returned no key for an inserted event")
    event_id = int(key[0])
    hooks = _interested(connection.execute(_HOOKS).all(), type, happened)
    deliver(connection, [(event_id, hook) for hook in hooks], act.at_ms)
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
    hooks = connection.execute(_HOOKS).all()
    wanted = {
        row["uid"]: interested
        for row, one in zip(rows, happened, strict=True)
        if (interested := _interested(hooks, type, one))
    }
    if wanted:
        e = tables.event.c
        found = connection.execute(select(e.id, e.uid).where(e.uid.in_(wanted)).order_by(e.id))
        pairs = [(row.id, hook) for row in found for hook in wanted[row.uid]]
        deliver(connection, pairs, act.at_ms)


def _interested(hooks: Sequence[Row[Any]], type: str, happened: Happened) -> list[int]:
    return [
        hook.id for hook in hooks if interest_of(hook).includes(type, happened.name, happened.data)
    ]


def interest_of(hook: Row[Any]) -> Interest:
    """Return what a row of `acgs_webhook` asks for."""
    return Interest(
        tuple(hook.events),
        tuple(hook.names or ()),
        tuple(hook.stages or ()),
        tuple(hook.outcomes or ()),
    )


def deliver(connection: Connection, pairs: Sequence[tuple[int, int]], at_ms: int) -> None:
    """Insert pending deliveries of events (first of each pair) to webhooks (second)."""
    deliveries = [
        {
            "id": str(uuid.uuid4()),
            "event_id": event_id,
            "webhook_id": webhook_id,
            "state": "pending",
            "attempts": 0,
            "next_attempt_ms": at_ms,
        }
        for event_id, webhook_id in pairs
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
