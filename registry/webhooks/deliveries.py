"""Runs the delivery loop: takes due deliveries off the outbox, sends them, records the results.

Delivers at least once, in no guaranteed order: up to `DeliveryPace.per_webhook` go to one
webhook at a time, and a failed one is overtaken by younger ones. A webhook that hangs holds up
nobody else. Receivers recognise repetitions by the delivery id.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Engine

from infra import retry
from infra.clock import Clock, to_millis, utc_now
from infra.errors import PlatformError
from infra.secrets import Sealer
from infra.stores.db import reading, transaction
from registry.webhooks.adapters import delivery_queue
from registry.webhooks.adapters.delivery_queue import DeliveryResult, LeasedDelivery, Withheld
from registry.webhooks.adapters.http import DEADLINE_SECONDS, Sender, WebhookReply
from registry.webhooks.domain.bodies import body_of
from registry.webhooks.rights import Rights
from registry.webhooks.signed import headers_of

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeliveryPace:
    """Sets the speed of the loop; times in seconds.

    Attributes:
        per_webhook: most deliveries in flight to one webhook.
        deadline_seconds: most time for one attempt.
        lease_seconds: how long a claim is leased; must exceed the deadline. It is also how long
            what a killed manager was sending waits for its second attempt.
        poll_seconds: pause between reads of the outbox: first attempts start this late.
        idle_poll_seconds, idle_after_seconds: the pause once nothing came for so long.
        trouble_seconds: longest pause while the database does not answer.
        grace_seconds: how long attempts in flight may take to end when the loop is stopped.
    """

    per_webhook: int = 4
    deadline_seconds: float = DEADLINE_SECONDS
    lease_seconds: float = 15.0
    poll_seconds: float = 0.02
    idle_poll_seconds: float = 0.1
    idle_after_seconds: float = 300.0
    trouble_seconds: float = 2.0
    grace_seconds: float = 3.0


@dataclass(slots=True)
class DeliveryLoop:
    """Runs one manager's loop; several may run against one database."""

    engine: Engine
    sealer: Sealer
    rights: Rights
    clock: Clock = utc_now
    pace: DeliveryPace = field(default_factory=DeliveryPace)
    jitter: Callable[[], float] = random.random
    _flying: dict[asyncio.Task[DeliveryResult], LeasedDelivery] = field(default_factory=dict)
    _ended: list[DeliveryResult] = field(default_factory=list)

    def run(self, stop: threading.Event, pulse: Callable[[], None] = lambda: None) -> None:
        """Deliver until `stop` is set; `pulse` is called each time round."""
        asyncio.run(self._run(stop, pulse))

    async def _run(self, stop: threading.Event, pulse: Callable[[], None]) -> None:
        troubles = 0
        last_work = asyncio.get_running_loop().time()
        async with Sender(self.pace.deadline_seconds) as sender:
            while not stop.is_set():
                pulse()
                try:
                    claims = await asyncio.to_thread(self._exchange)
                    troubles = 0
                except PlatformError as err:
                    troubles += 1
                    _logger.warning("the outbox cannot be read or written: %s", err.message)
                    claims = []
                for claim in claims:
                    self._flying[asyncio.create_task(self._attempt(sender, claim))] = claim
                now = asyncio.get_running_loop().time()
                if self._flying or self._ended:
                    last_work = now
                await self._pause(now - last_work, troubles)
            await self._land()

    async def _pause(self, idle_seconds: float, troubles: int) -> None:
        seconds = self.pace.poll_seconds
        if idle_seconds > self.pace.idle_after_seconds:
            seconds = self.pace.idle_poll_seconds
        if troubles:
            seconds = min(self.pace.trouble_seconds, 0.1 * 2 ** min(troubles, 10))
            await asyncio.sleep(seconds)
        elif self._flying:
            await asyncio.wait(self._flying, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(seconds)
        self._collect()

    def _collect(self) -> None:
        for task in [task for task in self._flying if task.done()]:
            del self._flying[task]
            self._ended.append(task.result())

    def _exchange(self) -> list[LeasedDelivery]:
        """Record ended attempts and lease due ones, in one transaction; no work, no transaction."""
        now_ms = to_millis(self.clock())
        in_flight = Counter(claim.webhook_id for claim in self._flying.values())
        busy = [hook for hook, count in in_flight.items() if count >= self.pace.per_webhook]
        if not self._ended:
            with reading(self.engine) as connection:
                if not delivery_queue.anything_due(connection, now_ms, busy):
                    return []
        with transaction(self.engine) as connection:
            delivery_queue.finish(connection, self._ended)
            claims = delivery_queue.claim(
                connection,
                in_flight=in_flight,
                per_webhook=self.pace.per_webhook,
                now_ms=now_ms,
                lease_ms=to_millis(self.clock()) + int(self.pace.lease_seconds * 1000),
            )
        self._ended.clear()
        return claims

    async def _attempt(self, sender: Sender, claim: LeasedDelivery) -> DeliveryResult:
        try:
            missing = await self._missing(claim)
            if missing is not None:
                withheld = Withheld(missing)
                _log(claim, withheld, WebhookReply(None, error=missing))
                return DeliveryResult(claim, withheld, to_millis(self.clock()), None, missing)
            reply = await self._send(sender, claim)
        except PlatformError as err:
            reply = WebhookReply(None, error=err.message)
        except Exception as err:
            _logger.exception("delivery %s could not be sent", claim.delivery_id)
            reply = WebhookReply(None, error=f"{type(err).__name__}: {err}"[:500])
        now = self.clock()
        step = retry.next_step(
            claim.attempts + 1,
            reply.status,
            jitter=self.jitter(),
            retry_after_seconds=retry.parse_retry_after(reply.retry_after, now),
        )
        _log(claim, step, reply)
        error = None if isinstance(step, retry.Delivered) else reply.error or f"HTTP {reply.status}"
        return DeliveryResult(claim, step, to_millis(now), reply.status, error)

    async def _missing(self, claim: LeasedDelivery) -> str | None:
        # At each attempt: a permission that was taken away ends what it allowed.
        if claim.owner is None:
            return None
        return await asyncio.to_thread(self.rights.missing, claim.owner, claim.event)

    async def _send(self, sender: Sender, claim: LeasedDelivery) -> WebhookReply:
        body = body_of(claim.event, claim.format)
        now_ms = to_millis(self.clock())
        headers = headers_of(self.sealer, claim.secrets, claim.delivery_id, now_ms, body)
        return await sender.post(claim.url, headers, body)

    async def _land(self) -> None:
        """Let attempts in flight end, and record them; the rest is sent again later."""
        if self._flying:
            await asyncio.wait(self._flying, timeout=self.pace.grace_seconds)
            self._collect()
        for task in self._flying:
            task.cancel()
        if self._ended:
            try:
                with transaction(self.engine) as connection:
                    delivery_queue.finish(connection, self._ended)
            except PlatformError as err:
                _logger.warning(
                    "%d deliveries will be repeated: their outcome cannot be written: %s",
                    len(self._ended),
                    err.message,
                )


def _log(claim: LeasedDelivery, step: retry.Step | Withheld, reply: WebhookReply) -> None:
    what = f"delivery {claim.delivery_id} of {claim.event.type} to {claim.webhook}"
    answer = reply.error or f"HTTP {reply.status}"
    match step:
        case retry.Delivered():
            _logger.debug("%s: delivered", what)
        case retry.Dead(why):
            _logger.error(
                "%s: dead, %s (last: %s); to try again: acgs webhook redeliver %s",
                what,
                why,
                answer,
                claim.delivery_id,
            )
        case Withheld(why):
            _logger.warning("%s: withheld: %s", what, why)
        case retry.RetryIn(seconds):
            _logger.warning("%s: %s; again in %.1f s", what, answer, seconds)
