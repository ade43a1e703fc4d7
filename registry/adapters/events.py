"""The audit trail and the outbox: one insert for both, in the caller's transaction."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select

from registry.adapters import tables


def record(
    connection: Connection,
    type: str,
    *,
    name: str,
    actor: str,
    at_ms: int,
    version: int | None = None,
    request_id: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> int:
    """Insert an event and one pending delivery for each webhook that asked for its type.

    Returns:
        The event's id. Event and deliveries exist exactly if the caller's transaction commits.
    """
    result = connection.execute(
        insert(tables.event).values(
            uid=str(uuid.uuid4()),
            type=type,
            name=name,
            version=version,
            request_id=request_id,
            actor=actor,
            at_ms=at_ms,
            data=dict(data or {}),
        )
    )
    key = result.inserted_primary_key
    if key is None:
        raise RuntimeError("the database returned no key for an inserted event")
    event_id = int(key[0])
    hooks = connection.execute(
        select(tables.webhook.c.id, tables.webhook.c.events).where(tables.webhook.c.active)
    )
    deliveries = [
        {
            "id": str(uuid.uuid4()),
            "event_id": event_id,
            "webhook_id": hook.id,
            "state": "pending",
            "attempts": 0,
            "next_attempt_ms": at_ms,
        }
        for hook in hooks
        if "*" in hook.events or type in hook.events
    ]
    if deliveries:
        connection.execute(insert(tables.delivery), deliveries)
    return event_id
