"""Changes a subscription's secret without a moment in which its receiver cannot verify."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, Engine

from infra.clock import Clock, moment, to_millis, utc_now
from infra.errors import ConflictError, UsageError
from infra.secrets import Sealer
from infra.stores.db import transaction
from registry.audit.adapters import events
from registry.domain.records import Act
from registry.webhooks.adapters import subscription_rows
from registry.webhooks.adapters.subscription_rows import Subscription
from registry.webhooks.domain.rotation import SealedSecrets
from registry.webhooks.service import check_secret, require_active

LONGEST = timedelta(days=30)


class RotationUnderWayError(ConflictError):
    """The subscription has a next secret already."""

    code = "registry.rotation_under_way"
    retriable = False


@dataclass(frozen=True, slots=True)
class Rotation:
    """Starts and finishes the change of a secret."""

    engine: Engine
    sealer: Sealer
    clock: Clock = utc_now

    def start(
        self,
        name: str,
        overlap: timedelta,
        secret: str | None = None,
        *,
        actor: str,
        dry_run: bool = False,
    ) -> tuple[str, str | None]:
        """Sign with a second secret too, and with that one alone once the overlap is over.

        Returns:
            The new secret, which is not shown again, and when it takes over.

        Raises:
            UnknownWebhookError: there is none of that name.
            RotationUnderWayError: it has a next secret already.
            UsageError: the overlap is out of bounds, the secret is short, or the subscription is
                the platform's own.
        """
        if not timedelta() <= overlap <= LONGEST:
            raise UsageError(
                f"webhook {name}: expected an overlap of 0 to {LONGEST.days} days, found {overlap}"
            )
        check_secret(name, secret)
        key = secret or secrets.token_urlsafe(32)
        now_ms = to_millis(self.clock())
        switch_ms = now_ms + overlap // timedelta(milliseconds=1)
        with transaction(self.engine) as connection:
            found = self._found(connection, name)
            held = found.secrets.at(now_ms)
            if held.next is not None:
                raise RotationUnderWayError(
                    f"webhook {name}: expected no change of its secret under way, found one until "
                    f"{moment(held.switch_ms)}",
                    hint=f"when the receiver has the new one: acgs webhook rotate {name} --finish",
                )
            if not dry_run:
                kept = SealedSecrets(held.current, self.sealer.seal(key), switch_ms)
                self._keep(connection, found, kept, actor, {"takes_over_at": moment(switch_ms)})
        return key, moment(switch_ms)

    def finish(self, name: str, *, actor: str, dry_run: bool = False) -> None:
        """Sign with the new secret alone from now on.

        Raises:
            UnknownWebhookError: there is none of that name.
            UsageError: no change of its secret is under way.
        """
        now_ms = to_millis(self.clock())
        with transaction(self.engine) as connection:
            found = self._found(connection, name)
            held = found.secrets.at(now_ms)
            if held.next is None:
                raise UsageError(
                    f"webhook {name}: expected a change of its secret under way, found none",
                    hint=f"acgs webhook rotate {name}",
                )
            if not dry_run:
                kept = SealedSecrets(held.next)
                self._keep(connection, found, kept, actor, {"takes_over_at": moment(now_ms)})

    def _found(self, connection: Connection, name: str) -> Subscription:
        found = require_active(connection, name)
        if found.owner is None:
            raise UsageError(
                f"webhook {name}: expected a subscription that somebody made, found the "
                "platform's own, whose receiver reads its secret when it starts"
            )
        return found

    def _keep(
        self,
        connection: Connection,
        found: Subscription,
        kept: SealedSecrets,
        actor: str,
        data: dict[str, object],
    ) -> None:
        subscription_rows.keep_secrets(connection, found.id, kept)
        act = Act(actor, to_millis(self.clock()))
        events.record(connection, "webhook.rotated", act, name=found.name, data=data)
