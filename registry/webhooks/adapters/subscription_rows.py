"""Reads and writes subscriptions, and reads deliveries for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select, update

from infra.identity.principal import Principal
from registry.adapters import tables
from registry.audit.domain.interest import Outcome
from registry.domain.values import Stage
from registry.webhooks.domain.owner import owner_facts, owner_of
from registry.webhooks.domain.rotation import SealedSecrets
from registry.webhooks.domain.terms import Format, Terms

PENDING = "pending"
DELIVERED = "delivered"
DEAD = "dead"
WITHHELD = "withheld"
STATES = (PENDING, DELIVERED, DEAD, WITHHELD)

_webhook = tables.webhook.c
_delivery = tables.delivery.c


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscriber's URL and the events it wants.

    Attributes:
        events: event types, names of Databricks, or `*` for all.
        sealed_secret: the signing secret, sealed by `infra.secrets.Sealer`.
        paused_ms: since when further events wait in the audit trail alone, because too many
            deliveries do; None while none do.
        waiting: how many deliveries are pending, where that was counted.
        secrets: the same, with the one that takes over while it is changed.
        active: False once removed; the row stays, since deliveries point at it.
        owner: whose permissions limit what is sent; None for the platform's own.
    """

    id: int
    name: str
    url: str
    events: tuple[str, ...]
    sealed_secret: str
    active: bool
    created_ms: int
    terms: Terms
    owner: Principal | None
    secrets: SealedSecrets
    paused_ms: int | None
    waiting: int = 0


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


@dataclass(frozen=True, slots=True)
class Wanted:
    """The wanted state of a subscription."""

    name: str
    url: str
    events: tuple[str, ...]
    sealed_secret: str
    terms: Terms
    owner: Principal | None

    def values(self) -> dict[str, Any]:
        """Return the columns."""
        terms = self.terms
        return {
            "url": self.url,
            "events": list(self.events),
            "sealed_secret": self.sealed_secret,
            "names": list(terms.names) or None,
            "stages": [one.value for one in terms.stages] or None,
            "outcomes": [one.value for one in terms.outcomes] or None,
            "format": None if terms.format is Format.MLFLOW else terms.format.value,
            "owner": owner_facts(self.owner) if self.owner else None,
            "next_sealed_secret": None,
            "switch_ms": None,
            **dict.fromkeys(("paused_ms", "resumed_ms", "caught_up_id")),
        }


def insert_webhook(connection: Connection, wanted: Wanted, created_ms: int) -> None:
    """Add a subscription; names are unique."""
    row = {"name": wanted.name, "active": True, "created_ms": created_ms, **wanted.values()}
    connection.execute(insert(tables.webhook).values(row))


def renew_webhook(connection: Connection, webhook_id: int, wanted: Wanted, created_ms: int) -> None:
    """Make a subscription what is wanted, and active."""
    values = {"active": True, "created_ms": created_ms, **wanted.values()}
    connection.execute(update(tables.webhook).where(_webhook.id == webhook_id).values(values))


def keep_secrets(connection: Connection, webhook_id: int, kept: SealedSecrets) -> None:
    """Keep what a subscription signs with."""
    change = update(tables.webhook).where(_webhook.id == webhook_id)
    connection.execute(
        change.values(
            sealed_secret=kept.current, next_sealed_secret=kept.next, switch_ms=kept.switch_ms
        )
    )


def end_webhook(connection: Connection, webhook_id: int) -> None:
    """End a subscription; its row stays, since deliveries point at it."""
    ended = update(tables.webhook).where(_webhook.id == webhook_id).values(active=False)
    connection.execute(ended)


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
        terms=Terms(
            tuple(row.names or ()),
            tuple(Stage(one) for one in row.stages or ()),
            tuple(Outcome(one) for one in row.outcomes or ()),
            Format(row.format or Format.MLFLOW),
        ),
        owner=owner_of(row.owner),
        secrets=secrets_of(row),
        paused_ms=row.paused_ms,
    )


def secrets_of(row: Row[Any]) -> SealedSecrets:
    """Return the secrets in a row of `acgs_webhook`."""
    return SealedSecrets(row.sealed_secret, row.next_sealed_secret, row.switch_ms)


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
