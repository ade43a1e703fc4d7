"""Bounds what waits for one subscriber: pauses it when too much does, and catches up later.

No event is lost: a paused subscription gets no rows in the delivery queue, and the events that it
is owed stay where they are anyway, in the audit trail. They are queued in their order as room is
made.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row

from infra.clock import Clock, to_millis, utc_now
from infra.errors import PlatformError
from infra.stores.db import reading, transaction
from registry.audit.adapters import events
from registry.domain.records import Act
from registry.domain.values import SYSTEM
from registry.webhooks.adapters import backlog_rows

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may wait.

    Attributes:
        most: pending deliveries of one subscription. It is looked at every `look_seconds`, so a
            burst may exceed it.
        settle_seconds: longest that a change of the registry takes from its event to its commit.
            For so long, events that were recorded while the subscription was paused may appear.
    """

    most: int = 10_000
    look_seconds: float = 2.0
    settle_seconds: float = 600.0

    @property
    def low(self) -> int:
        """So many may still wait when more are queued."""
        return self.most // 2


@dataclass(frozen=True, slots=True)
class Backlog:
    """Pauses subscriptions and resumes them; several managers may do so at once."""

    engine: Engine
    clock: Clock = utc_now
    bounds: Bounds = field(default_factory=Bounds)

    def run(self, stop: threading.Event, pulse: Callable[[], None] = lambda: None) -> None:
        """Look until `stop` is set; `pulse` is called each time round."""
        while not stop.is_set():
            pulse()
            try:
                self.step()
            except PlatformError as err:
                _logger.warning("what waits for webhooks cannot be counted: %s", err.message)
            stop.wait(self.bounds.look_seconds)

    def step(self) -> None:
        """Pause what exceeds the bounds, and queue what paused subscriptions are owed."""
        with reading(self.engine) as connection:
            waiting = backlog_rows.waiting(connection)
            behind = backlog_rows.behind(connection)
        full = [hook for hook, count in waiting.items() if count > self.bounds.most]
        for hook in full:
            with transaction(self.engine) as connection:
                self._pause(connection, hook, waiting[hook])
        for hook in behind:
            if waiting.get(hook, 0) <= self.bounds.low:
                with transaction(self.engine) as connection:
                    self._catch_up(connection, hook)

    def _pause(self, connection: Connection, webhook_id: int, count: int) -> None:
        hook = backlog_rows.locked(connection, webhook_id)
        if hook is None or hook.paused_ms is not None:
            return
        now_ms = to_millis(self.clock())
        start = hook.caught_up_id
        if start is None:
            start = backlog_rows.newest_before(connection, self._settled_ms(now_ms))
        backlog_rows.keep(
            connection, hook.id, paused_ms=now_ms, resumed_ms=None, caught_up_id=start
        )
        data = {"waiting": count}
        events.record(connection, "webhook.paused", Act(SYSTEM, now_ms), name=hook.name, data=data)
        _logger.warning(
            "webhook %s: %d deliveries wait, so further events wait in the audit trail; "
            "expected at most %d",
            *(hook.name, count, self.bounds.most),
        )

    def _catch_up(self, connection: Connection, webhook_id: int) -> None:
        hook = backlog_rows.locked(connection, webhook_id)
        if hook is None or hook.caught_up_id is None:
            return
        now_ms, room = to_millis(self.clock()), self.bounds.most - self.bounds.low
        owed = backlog_rows.undelivered(connection, hook, hook.caught_up_id)
        queued = list(itertools.islice(owed, room))
        events.deliver(connection, [(event_id, hook.id) for event_id in queued], now_ms)
        settled = backlog_rows.newest_before(connection, self._settled_ms(now_ms))
        if len(queued) == room:
            self._advance(connection, hook, min(settled, queued[-1]))
        elif hook.paused_ms is not None:
            self._advance(connection, hook, settled)
            self._resume(connection, hook, now_ms)
        elif hook.resumed_ms is not None and hook.resumed_ms < self._settled_ms(now_ms):
            backlog_rows.keep(connection, hook.id, resumed_ms=None, caught_up_id=None)
        else:
            self._advance(connection, hook, settled)

    def _advance(self, connection: Connection, hook: Row[Any], to_id: int) -> None:
        # Never past what may still appear: PostgreSQL's numbers may commit out of order.
        backlog_rows.keep(connection, hook.id, caught_up_id=max(hook.caught_up_id, to_id))

    def _resume(self, connection: Connection, hook: Row[Any], now_ms: int) -> None:
        backlog_rows.keep(connection, hook.id, paused_ms=None, resumed_ms=now_ms)
        data = {"paused_ms": now_ms - hook.paused_ms}
        act = Act(SYSTEM, now_ms)
        events.record(connection, "webhook.resumed", act, name=hook.name, data=data)
        _logger.info("webhook %s: resumed, all that waited is queued", hook.name)

    def _settled_ms(self, now_ms: int) -> int:
        return now_ms - int(self.bounds.settle_seconds * 1000)
