"""Tests a subscription: sends one signed delivery now, and reports what came back."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass

from sqlalchemy import Engine

from infra.clock import Clock, to_millis, utc_now
from infra.errors import PlatformError
from infra.secrets import Sealer
from infra.stores.db import reading, transaction
from registry.audit.adapters import events
from registry.domain.records import Act
from registry.webhooks.adapters.http import Sender, WebhookReply
from registry.webhooks.adapters.subscription_rows import Subscription
from registry.webhooks.domain.bodies import body_of
from registry.webhooks.domain.envelope import Occurrence
from registry.webhooks.service import require_active
from registry.webhooks.signed import headers_of

TYPE = "webhook.ping"
"""What a receiver sees; nothing of the kind is in the audit trail."""


@dataclass(frozen=True, slots=True)
class Pong:
    """What came back.

    Attributes:
        status: HTTP status; None when there was no answer.
        error: why there was none.
    """

    status: int | None
    error: str | None
    took_ms: int

    @property
    def is_good(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status <= 299


@dataclass(frozen=True, slots=True)
class Ping:
    """Sends test deliveries; they are not repeated, and not in the delivery history."""

    engine: Engine
    sealer: Sealer
    clock: Clock = utc_now

    def send(self, name: str, *, actor: str, dry_run: bool = False) -> Pong | None:
        """Send a test delivery in the subscription's format; None for a dry run.

        Raises:
            UnknownWebhookError: there is no subscription of that name.
        """
        with reading(self.engine) as connection:
            found = require_active(connection, name)
        if dry_run:
            return None
        pong = asyncio.run(self._send(found, actor))
        # Not the error: other subscribers read this, and it may quote the URL.
        data = {"status": pong.status}
        with transaction(self.engine) as connection:
            act = Act(actor, to_millis(self.clock()))
            events.record(connection, "webhook.tested", act, name=name, data=data)
        return pong

    async def _send(self, found: Subscription, actor: str) -> Pong:
        now_ms = to_millis(self.clock())
        event = Occurrence(str(uuid.uuid4()), TYPE, found.name, None, None, actor, now_ms, {})
        body = body_of(event, found.terms.format)
        delivery_id = str(uuid.uuid4())
        headers = headers_of(self.sealer, found.secrets, delivery_id, now_ms, body)
        began = time.monotonic()
        async with Sender() as sender:
            try:
                reply = await sender.post(found.url, headers, body)
            except PlatformError as err:
                reply = WebhookReply(None, error=err.message)
        return Pong(reply.status, reply.error, int((time.monotonic() - began) * 1000))
