"""Runs the settling loop, which decides open requests when no caller waits for them.

It wakes on the events of a request (a scorecard, an approval) and, since an event can be missed
(PostgreSQL's ids may commit out of order), looks at all open requests every few seconds.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Engine

from infra.clock import Clock, utc_now
from infra.errors import ConflictError, PlatformError
from infra.stores.db import reading
from registry.audit.adapters import event_feed
from registry.domain.records import Request

_logger = logging.getLogger(__name__)


class Requests(Protocol):
    """What settling needs from the registry."""

    def open_requests(self) -> Sequence[Request]:
        """Return the requests without an outcome."""
        ...

    def settle(self, request_id: int, at: datetime) -> Request:
        """Decide and apply a request, if it can be decided; idempotent."""
        ...


@dataclass(slots=True)
class SettlingLoop:
    """Settles requests for one manager; several may run, since settling is a compare-and-set."""

    requests: Requests
    engine: Engine
    clock: Clock = utc_now
    pause_seconds: float = 0.1
    sweep_seconds: float = 5.0
    trouble_seconds: float = 2.0
    _after_id: int = 0
    _swept_at: datetime | None = None
    _logged: dict[int, str] = field(default_factory=dict)

    def run(self, stop: threading.Event, pulse: Callable[[], None] = lambda: None) -> None:
        """Settle until `stop` is set; `pulse` is called each time round."""
        troubles = 0
        while not stop.is_set():
            pulse()
            try:
                self.step()
                troubles = 0
            except PlatformError as err:
                troubles += 1
                _logger.warning("open requests cannot be read: %s", err.message)
            back_off = self.pause_seconds * 2 ** min(troubles, 10)
            stop.wait(min(self.trouble_seconds, back_off))

    def step(self) -> None:
        """Settle what changed since the last step, or everything if a sweep is due.

        An unscored request is settled too: its subject may have changed or been deleted.

        Raises:
            PlatformError: the registry cannot be read; nothing is lost, step again.
        """
        now = self.clock()
        due = self._swept_at is None or now - self._swept_at >= timedelta(
            seconds=self.sweep_seconds
        )
        after_id, changed = self._changes()
        if due or changed:
            for request in self.requests.open_requests():
                if due or request.id in changed:
                    self._settle(request, now)
        self._after_id = after_id
        if due:
            self._swept_at = now

    def _changes(self) -> tuple[int, frozenset[int]]:
        with reading(self.engine) as connection:
            if self._swept_at is None:
                # The first sweep covers all history: only its end is of interest.
                return event_feed.last_event_id(connection), frozenset()
            return event_feed.requests_touched(connection, self._after_id)

    def _settle(self, request: Request, now: datetime) -> None:
        try:
            settled = self.requests.settle(request.id, now)
        except ConflictError as err:
            _logger.debug("request %d: %s", request.id, err.message)
        except Exception as err:
            # One that cannot be settled must neither stop the others nor fill the log.
            if self._logged.get(request.id) != str(err):
                self._logged[request.id] = str(err)
                _logger.warning(
                    "request %d cannot be settled: %s",
                    request.id,
                    err,
                    exc_info=not isinstance(err, PlatformError),
                )
        else:
            self._logged.pop(request.id, None)
            if settled.state is not request.state:
                _logger.info("request %d (%s): %s", request.id, request.ref, settled.state)
