"""Queues deliveries in their table; several managers may drain it at once.

A claim is a lease: a conditional UPDATE moves `next_attempt_ms` to the lease's end, and its row
count says who won. A manager that dies leaves leases that run out; one that is slower than its
lease may cause a second delivery, never a lost one. It is not one of `infra.processes.leases`:
it has no owner, and lies in the column by which due deliveries are found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select, update

from infra import retry
from infra.identity.principal import Principal
from registry.adapters import tables
from registry.webhooks.adapters.subscription_rows import (
    DEAD,
    DELIVERED,
    PENDING,
    WITHHELD,
    secrets_of,
)
from registry.webhooks.domain.envelope import Occurrence
from registry.webhooks.domain.owner import owner_of
from registry.webhooks.domain.rotation import SealedSecrets
from registry.webhooks.domain.terms import Format

_webhook = tables.webhook.c
_delivery = tables.delivery.c
_event = tables.event.c


@dataclass(frozen=True, slots=True)
class LeasedDelivery:
    """A delivery that this manager has leased until `lease_ms`.

    Attributes:
        attempts: attempts that ended before this one.
        owner: whose permissions limit what is sent; None for the platform's own.
    """

    delivery_id: str
    webhook_id: int
    webhook: str
    url: str
    secrets: SealedSecrets
    attempts: int
    lease_ms: int
    event: Occurrence
    format: Format = Format.MLFLOW
    owner: Principal | None = None


@dataclass(frozen=True, slots=True)
class Withheld:
    """The subscription's owner may not read this; nothing was sent."""

    why: str


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """The result of an attempt to deliver.

    Attributes:
        at_ms: when the attempt ended.
        status: HTTP status; None when there was no answer.
        error: why it failed, for people; None when it did not.
    """

    claim: LeasedDelivery
    step: retry.Step | Withheld
    at_ms: int
    status: int | None
    error: str | None


# Built once: the loop asks it fifty times a second.
DUE_QUERY = (
    select(_delivery.id)
    .join(tables.webhook, _webhook.id == _delivery.webhook_id)
    .where(
        _delivery.state == PENDING,
        _delivery.next_attempt_ms <= bindparam("now_ms"),
        _delivery.webhook_id.not_in(bindparam("busy", expanding=True)),
        _webhook.active,
    )
    .limit(1)
)


def candidates_query(webhook_id: int, now_ms: int, limit: int) -> Select[Any]:
    """Return the query for one webhook's due deliveries, longest due first, by the index."""
    query = (
        select(tables.delivery, *(_event[name].label(f"event_{name}") for name in _EVENT_COLUMNS))
        .join(tables.event, _event.id == _delivery.event_id)
        .where(
            _delivery.state == PENDING,
            _delivery.next_attempt_ms <= now_ms,
            _delivery.webhook_id == webhook_id,
        )
        .order_by(_delivery.next_attempt_ms, _delivery.event_id)
        .limit(limit)
    )
    # PostgreSQL: managers pass each other's rows by instead of waiting. SQLite has no row locks.
    return query.with_for_update(skip_locked=True, of=tables.delivery)


_EVENT_COLUMNS = ("uid", "type", "name", "version", "request_id", "actor", "at_ms", "data")


def anything_due(connection: Connection, now_ms: int, busy: Collection[int]) -> bool:
    """Return whether `claim` would find something; reads only."""
    found = connection.execute(DUE_QUERY, {"now_ms": now_ms, "busy": list(busy)})
    return found.first() is not None


def claim(
    connection: Connection,
    *,
    in_flight: Mapping[int, int],
    per_webhook: int,
    now_ms: int,
    lease_ms: int,
) -> list[LeasedDelivery]:
    """Lease due deliveries until `lease_ms`, at most `per_webhook` at a time for each webhook.

    Args:
        connection: in a write transaction.
        in_flight: how many the caller is sending now, by webhook id.
        per_webhook: most deliveries that may be in flight to one webhook, >= 1.
        now_ms, lease_ms: milliseconds since the epoch, `lease_ms` > `now_ms`.

    Returns:
        The claims in the order of their events.
    """
    won: list[tuple[int, LeasedDelivery]] = []
    for webhook in connection.execute(select(tables.webhook).where(_webhook.active)).all():
        room = per_webhook - in_flight.get(webhook.id, 0)
        if room <= 0:
            continue
        for row in connection.execute(candidates_query(webhook.id, now_ms, room)).all():
            if _lease(connection, row.id, row.next_attempt_ms, lease_ms):
                won.append((row.event_id, _claim(webhook, row, lease_ms)))
    return [each for _, each in sorted(won, key=lambda pair: (pair[0], pair[1].webhook_id))]


def _lease(connection: Connection, delivery_id: str, seen_ms: int, lease_ms: int) -> bool:
    taken = connection.execute(
        update(tables.delivery)
        .where(
            _delivery.id == delivery_id,
            _delivery.state == PENDING,
            _delivery.next_attempt_ms == seen_ms,
        )
        .values(next_attempt_ms=lease_ms)
    )
    return taken.rowcount == 1


def finish(connection: Connection, outcomes: Iterable[DeliveryResult]) -> None:
    """Record the results of attempts; safe to repeat.

    A success counts even if another manager owns the lease by now: the receiver has the event. A
    failure counts only for the lease's owner, or it would cut short the new owner's attempt.
    """
    for outcome in outcomes:
        leased = (_delivery.id == outcome.claim.delivery_id, _delivery.state == PENDING)
        lease = _delivery.next_attempt_ms == outcome.claim.lease_ms
        seen: dict[str, Any] = {
            "attempts": _delivery.attempts + 1,
            "last_status": outcome.status,
            "last_error": outcome.error,
        }
        change = update(tables.delivery).where(*leased)
        match outcome.step:
            case retry.Delivered():
                change = change.values(state=DELIVERED, delivered_ms=outcome.at_ms, **seen)
            case retry.Dead():
                change = change.where(lease).values(state=DEAD, **seen)
            case Withheld(why):
                change = change.where(lease).values(state=WITHHELD, last_error=why)
            case retry.RetryIn(seconds):
                due_ms = outcome.at_ms + int(seconds * 1000)
                change = change.where(lease).values(next_attempt_ms=due_ms, **seen)
        connection.execute(change)


def _claim(webhook: Row[Any], row: Row[Any], lease_ms: int) -> LeasedDelivery:
    return LeasedDelivery(
        delivery_id=row.id,
        webhook_id=webhook.id,
        webhook=webhook.name,
        url=webhook.url,
        secrets=secrets_of(webhook),
        attempts=row.attempts,
        lease_ms=lease_ms,
        format=Format(webhook.format or Format.MLFLOW),
        owner=owner_of(webhook.owner),
        event=Occurrence(
            uid=row.event_uid,
            type=row.event_type,
            name=row.event_name,
            version=row.event_version,
            request_id=row.event_request_id,
            actor=row.event_actor,
            at_ms=row.event_at_ms,
            data=row.event_data,
        ),
    )
