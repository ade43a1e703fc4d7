"""Reads and writes how far a subscription is behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, exists, func, select, update

from registry.adapters import tables
from registry.audit.adapters.events import interest_of
from registry.webhooks.adapters.subscription_rows import PENDING

_webhook = tables.webhook.c
_delivery = tables.delivery.c
_event = tables.event.c
_PAGE = 1000


def waiting(connection: Connection) -> dict[int, int]:
    """Return how many deliveries are pending, by webhook id; those without any are left out."""
    query = (
        select(_delivery.webhook_id, func.count().label("pending"))
        .where(_delivery.state == PENDING)
        .group_by(_delivery.webhook_id)
    )
    return {row.webhook_id: row.pending for row in connection.execute(query)}


def behind(connection: Connection) -> list[int]:
    """Return the webhooks that deliveries have to be made for from the event table."""
    query = select(_webhook.id).where(_webhook.active, _webhook.caught_up_id.is_not(None))
    return list(connection.execute(query).scalars())


def locked(connection: Connection, webhook_id: int) -> Row[Any] | None:
    """Return an active webhook, locked; None if another manager has it or it was removed."""
    query = select(tables.webhook).where(_webhook.id == webhook_id, _webhook.active)
    return connection.execute(query.with_for_update(skip_locked=True)).first()


def keep(connection: Connection, webhook_id: int, **values: int | None) -> None:
    """Keep `paused_ms`, `resumed_ms` or `caught_up_id` of a webhook."""
    connection.execute(update(tables.webhook).where(_webhook.id == webhook_id).values(**values))


def newest_before(connection: Connection, at_ms: int) -> int:
    """Return the number of the newest event before a moment; 0 if there is none."""
    query = select(_event.id).where(_event.at_ms < at_ms).order_by(_event.id.desc()).limit(1)
    return connection.execute(query).scalar() or 0


def undelivered(connection: Connection, hook: Row[Any], after_id: int) -> Iterator[int]:
    """Yield the numbers of wanted events after `after_id` that have no delivery, in order."""
    interest = interest_of(hook)
    made = exists().where(_delivery.event_id == _event.id, _delivery.webhook_id == hook.id)
    query = (
        select(_event.id, _event.type, _event.name, _event.data)
        .where(_event.at_ms >= hook.created_ms, ~made)
        .order_by(_event.id)
        .limit(_PAGE)
    )
    while True:
        page = connection.execute(query.where(_event.id > after_id)).all()
        yield from (row.id for row in page if interest.includes(row.type, row.name, row.data))
        if len(page) < _PAGE:
            return
        after_id = page[-1].id
