"""Manages subscriptions to the registry's events, and resends what could not be delivered."""

from __future__ import annotations

import builtins
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine

from infra.clock import Clock, to_millis, utc_now
from infra.errors import ConflictError, NotFoundError, UsageError
from infra.identity.principal import Principal
from infra.secrets import Sealer
from infra.settings import Settings
from infra.stores.db import open_engine, reading, transaction
from registry.audit.adapters import events
from registry.audit.domain.databricks import ALIASES, WITHOUT_EVENT
from registry.domain.records import Act
from registry.webhooks.adapters import backlog_rows, subscription_rows
from registry.webhooks.adapters.subscription_rows import DeliveryRecord, Subscription, Wanted
from registry.webhooks.domain.target import check_url, parse_target
from registry.webhooks.domain.terms import EVERYTHING, Terms

PLATFORM = "acgs"
REMOVED = "the subscription was removed"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_EVENT_TYPE = re.compile(r"\*|[a-z_]{1,31}\.[a-z_]{1,32}")


class WebhookExistsError(ConflictError):
    """The name is taken."""

    code = "registry.webhook_exists"
    retriable = False


class UnknownWebhookError(NotFoundError):
    """There is no such subscription."""

    code = "registry.unknown_webhook"


class UnknownDeliveryError(NotFoundError):
    """There is no such delivery, or its subscription was removed."""

    code = "registry.unknown_delivery"


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Manages subscriptions and deliveries; every change is audited in its own transaction."""

    engine: Engine
    sealer: Sealer
    clock: Clock = utc_now

    def add(
        self,
        name: str,
        url: str,
        events: Sequence[str],
        secret: str | None = None,
        *,
        terms: Terms = EVERYTHING,
        owner: Principal | None = None,
        actor: str,
        dry_run: bool = False,
    ) -> str:
        """Subscribe `url` to events that happen from now on.

        Args:
            name: unique among subscriptions; that of a removed one may be taken again.
            url: https anywhere, plain http to a loopback address only.
            events: event types, names of Databricks, or `*`.
            secret: what deliveries are signed with; made if not given.
            terms: what narrows the events, and how they are written.
            owner: whose permissions limit what is sent; None for the platform's own.
            actor: who asks.
            dry_run: check everything, change nothing.

        Returns:
            The secret, which is not shown again.

        Raises:
            WebhookExistsError: the name is taken.
            WebhookUrlError: the URL breaks the rule.
            UsageError: a name, an event type or the secret is malformed.
        """
        _check(name, url, events, secret)
        key = secret or secrets.token_urlsafe(32)
        with transaction(self.engine) as connection:
            found = subscription_rows.find_webhook(connection, name)
            if found is not None and found.active:
                raise WebhookExistsError(
                    f"webhook {name}: expected a free name, found one that is in use",
                    hint=f"choose another name, or first: acgs webhook remove {name}",
                )
            if not dry_run:
                sealed = self.sealer.seal(key)
                wanted = Wanted(name, url, tuple(events), sealed, terms, owner)
                self._save(connection, found, wanted, "webhook.created", actor)
        return key

    def remove(self, name: str, *, actor: str, dry_run: bool = False) -> int:
        """End a subscription; return how many pending deliveries are given up.

        Raises:
            UnknownWebhookError: there is none of that name.
        """
        with transaction(self.engine) as connection:
            found = require_active(connection, name)
            if dry_run:
                pending = subscription_rows.deliveries(
                    connection, subscription_rows.PENDING, name, _NO_LIMIT
                )
                return len(pending)
            subscription_rows.end_webhook(connection, found.id)
            ended = subscription_rows.end_pending(connection, found.id, REMOVED)
            self._audit(connection, "webhook.removed", name, actor, {"pending_ended": ended})
        return ended

    def list(self) -> builtins.list[Subscription]:
        """Return every active subscription and how much waits for it, by name."""
        with reading(self.engine) as connection:
            waiting = backlog_rows.waiting(connection)
            found = subscription_rows.active_webhooks(connection)
        return [replace(each, waiting=waiting.get(each.id, 0)) for each in found]

    def ensure(self, name: str, url: str, events: Sequence[str]) -> str:
        """Create or update the subscription to have this URL and these events; idempotent.

        Returns:
            Its secret, made the first time.
        """
        _check(name, url, events, None)
        with transaction(self.engine) as connection:
            found = subscription_rows.find_webhook(connection, name)
            if found is None or not found.active:
                key = secrets.token_urlsafe(32)
                wanted = self._of_the_platform(name, url, events, key)
                self._save(connection, found, wanted, "webhook.created", PLATFORM)
                return key
            key = self.sealer.open(found.sealed_secret)
            wanted = self._of_the_platform(name, url, events, key)
            if not _is_as(found, url, events):
                self._save(connection, found, wanted, "webhook.updated", PLATFORM)
            return key

    def deliveries(
        self, state: str | None = None, webhook: str | None = None, limit: int = 100
    ) -> builtins.list[DeliveryRecord]:
        """Return the newest deliveries first.

        Raises:
            UsageError: the state is none of pending, delivered, dead, withheld.
        """
        if state is not None and state not in subscription_rows.STATES:
            known = ", ".join(subscription_rows.STATES)
            raise UsageError(f"delivery state: expected one of {known}, found {state!r}")
        with reading(self.engine) as connection:
            return subscription_rows.deliveries(connection, state, webhook, limit)

    def redeliver(
        self, delivery_id: str | None = None, *, actor: str, dry_run: bool = False
    ) -> builtins.list[DeliveryRecord]:
        """Send a delivery again, in any state; without an id, all dead ones.

        Returns:
            The deliveries as they were before. Their ids stay, so that receivers recognise them.

        Raises:
            UnknownDeliveryError: there is none of that id, or its subscription was removed.
        """
        with transaction(self.engine) as connection:
            found = subscription_rows.redeliverable(connection, delivery_id)
            if delivery_id is not None and not found:
                raise UnknownDeliveryError(
                    f"delivery {delivery_id}: expected one of an active subscription, found none",
                    hint="acgs webhook deliveries",
                )
            if found and not dry_run:
                now_ms = to_millis(self.clock())
                subscription_rows.make_due(connection, [each.id for each in found], now_ms)
                for name in sorted({each.webhook for each in found}):
                    ids = [each.id for each in found if each.webhook == name]
                    data: dict[str, object] = {"count": len(ids), "delivery_ids": ids[:100]}
                    self._audit(connection, "webhook.redelivered", name, actor, data)
        return found

    def _of_the_platform(self, name: str, url: str, events: Sequence[str], key: str) -> Wanted:
        return Wanted(name, url, tuple(events), self.sealer.seal(key), EVERYTHING, None)

    def _save(
        self,
        connection: Connection,
        found: Subscription | None,
        wanted: Wanted,
        event: str,
        actor: str,
    ) -> None:
        now_ms = to_millis(self.clock())
        if found is None:
            subscription_rows.insert_webhook(connection, wanted, now_ms)
        else:
            subscription_rows.renew_webhook(connection, found.id, wanted, now_ms)
        # Only the origin: other subscribers read this, and a path may hold a token.
        data: dict[str, object] = {
            "origin": parse_target(wanted.url).origin,
            "events": [*wanted.events],
            **wanted.terms.facts(),
        }
        self._audit(connection, event, wanted.name, actor, data)

    def _audit(
        self, connection: Connection, type: str, name: str, actor: str, data: dict[str, object]
    ) -> None:
        at_ms = to_millis(self.clock())
        events.record(connection, type, Act(actor, at_ms), name=name, data=data)


_NO_LIMIT = 2**31 - 1


def open_webhooks(settings: Settings) -> Webhooks:
    """Put the use cases together."""
    return Webhooks(open_engine(settings.sqlalchemy_url), Sealer(settings))


def ensure_subscription(settings: Settings, name: str, url: str, events: Sequence[str]) -> str:
    """See `Webhooks.ensure`."""
    webhooks = open_webhooks(settings)
    try:
        return webhooks.ensure(name, url, events)
    finally:
        webhooks.engine.dispose()


def _check(name: str, url: str, events: Sequence[str], secret: str | None) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"webhook name: expected 1 to 128 letters, digits, '.', '_' or '-', found {name!r}"
        )
    if not events:
        raise UsageError(
            f"webhook {name}: expected at least one event type, found none",
            hint="name a type such as transition_request.created, or * for all",
        )
    for event in events:
        _check_event(name, event)
    check_secret(name, secret)
    check_url(url)


def check_secret(name: str, secret: str | None) -> None:
    """Refuse a secret that is easily guessed.

    Raises:
        UsageError: it has fewer than 16 characters.
    """
    if secret is not None and len(secret) < 16:
        raise UsageError(
            f"webhook {name}: expected a secret of 16 characters or more, found {len(secret)}",
            hint="leave it out to have one made",
        )


def require_active(connection: Connection, name: str) -> Subscription:
    """Return the subscription of that name.

    Raises:
        UnknownWebhookError: there is none, or it was removed.
    """
    found = subscription_rows.find_webhook(connection, name)
    if found is None or not found.active:
        raise UnknownWebhookError(
            f"webhook {name}: expected a subscription, found none of that name",
            hint="acgs webhook list",
        )
    return found


def _check_event(name: str, event: str) -> None:
    if event in ALIASES or _EVENT_TYPE.fullmatch(event):
        return
    if event in WITHOUT_EVENT:
        raise UsageError(
            f"webhook {name}: expected an event of the registry, found {event}, which nothing here "
            "corresponds to",
            hint=f"of Databricks' names there are {', '.join(ALIASES)}",
        )
    raise UsageError(
        f"webhook {name}: expected an event type such as transition_request.created, "
        f"or *, found {event!r}"
    )


def _is_as(found: Subscription, url: str, events: Sequence[str]) -> bool:
    wanted = (url, tuple(events), EVERYTHING, None)
    return (found.url, found.events, found.terms, found.owner) == wanted
