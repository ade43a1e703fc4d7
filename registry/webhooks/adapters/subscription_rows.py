"""Reads and writes subscriptions, and reads deliveries for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select, update

from registry.adapters import tables

PENDING = "pending"
DELIVERED = "delivered"
DEAD = "dead"
STATES = (PENDING, DELIVERED, DEAD)

_webhook = tables.webhook.c
_delivery = tables.delivery.c


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscriber's URL and the events it wants.

    Attributes:
        events: exact event types, or `*` for all.
        sealed_secret: the signing secret, sealed by `infra.secrets.Sealer`.
        active: False once removed; the row stays, since deliveries point at it.
    """

    id: int
    name: str
    url: str
    events: tuple[str, ...]
    sealed_secret: str
    active: bool
    created_ms: int


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """One event on its way to one subscriber.

    Attributes:
        id: what receivers see in `X-MLflow-Delivery-Id`; the same at every attempt.
        attempts: attempts that ended, since it was made or last redelivered.
        next_attempt_ms: when a pending delivery is tried next, or the end of the lease of the
            manager that is trying it now.
    """

    id: str
    webhook: str
    event_id: int
    event_type: str
    name: str
    state: str
    attempts: int
    next_attempt_ms: int
    last_status: int | None
    last_error: str | None
    delivered_ms: int | None


def find_webhook(connection: Connection, name: str) -> Subscription | None:
    """Return the subscription of that name, removed or not."""
    row = connection.execute(select(tables.webhook).where(_webhook.name == name)).first()
    return _subscription(row) if row else None


def active_webhooks(connection: Connection) -> list[Subscription]:
    """Return every subscription that was not removed, by name."""
    query = select(tables.webhook).where(_webhook.active).order_by(_webhook.name)
    return [_subscription(row) for row in connection.execute(query)]


def insert_webhook(
    connection: Connection,
    *,
    name: str,
    url: str,
    events: Sequence[str],
    sealed_secret: str,
    created_ms: int,
) -> None:
    """Add a subscription; names are unique."""
    connection.execute(
        insert(tables.webhook).values(
            name=name,
            url=url,
            events=list(events),
            sealed_secret=sealed_secret,
            active=True,
            created_ms=created_ms,
        )
    )


def update_webhook(
    connection: Connection,
    webhook_id: int,
    *,
    url: str,
    events: Sequence[str],
    sealed_secret: str,
    active: bool,
) -> None:
    """Replace the changeable parts of a subscription."""
    connection.execute(
        update(tables.webhook)
        .where(_webhook.id == webhook_id)
        .values(url=url, events=list(events), sealed_secret=sealed_secret, active=active)
    )


def end_pending(connection: Connection, webhook_id: int, why: str) -> int:
    """Give up all pending deliveries of a subscription; return how many."""
    return connection.execute(
        update(tables.delivery)
        .where(_delivery.webhook_id == webhook_id, _delivery.state == PENDING)
        .values(state=DEAD, last_error=why)
    ).rowcount


def deliveries(
    connection: Connection, state: str | None, webhook: str | None, limit: int
) -> list[DeliveryRecord]:
    """Return deliveries, newest first."""
    query = _delivery_query().order_by(_delivery.event_id.desc(), _delivery.webhook_id)
    if state is not None:
        query = query.where(_delivery.state == state)
    if webhook is not None:
        query = query.where(_webhook.name == webhook)
    return [_delivery_record(row) for row in connection.execute(query.limit(limit))]


def redeliverable(connection: Connection, delivery_id: str | None) -> list[DeliveryRecord]:
    """Return the delivery of that id, or all dead ones; only of active subscriptions."""
    query = _delivery_query().where(_webhook.active).order_by(_delivery.event_id)
    if delivery_id is None:
        query = query.where(_delivery.state == DEAD)
    else:
        query = query.where(_delivery.id == delivery_id)
    return [_delivery_record(row) for row in connection.execute(query)]


def make_due(connection: Connection, delivery_ids: Sequence[str], at_ms: int) -> None:
    """Start deliveries over, with all their attempts."""
    statement = update(tables.delivery).values(
        state=PENDING,
        attempts=0,
        next_attempt_ms=at_ms,
        last_status=None,
        last_error=None,
        delivered_ms=None,
    )
    # Databases bound the number of parameters of one statement.
    for start in range(0, len(delivery_ids), 500):
        batch = delivery_ids[start : start + 500]
        connection.execute(statement.where(_delivery.id.in_(batch)))


def _delivery_query() -> Select[Any]:
    return (
        select(
            tables.delivery,
            _webhook.name.label("webhook"),
            tables.event.c.type.label("event_type"),
            tables.event.c.name.label("name"),
        )
        .join(tables.webhook, _webhook.id == _delivery.webhook_id)
        .join(tables.event, tables.event.c.id == _delivery.event_id)
    )


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        id=row.id,
        name=row.name,
        url=row.url,
        events=tuple(row.events),
        sealed_secret=row.sealed_secret,
        active=row.active,
        created_ms=row.created_ms,
    )


def _delivery_record(row: Row[Any]) -> DeliveryRecord:
    return DeliveryRecord(
        id=row.id,
        webhook=row.webhook,
        event_id=row.event_id,
        event_type=row.event_type,
        name=row.name,
        state=row.state,
        attempts=row.attempts,
        next_attempt_ms=row.next_attempt_ms,
        last_status=row.last_status,
        last_error=row.last_error,
        delivered_ms=row.delivered_ms,
    )
