"""Runs one of the manager's works on the audit log again and again, whatever goes wrong."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from infra.errors import PlatformError

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LogLoop:
    """A work that is done in rounds.

    Attributes:
        what: it does with the log, for the role's own log: `signed`, `cosigned`.
        work: does a round; returns whether the next one is to follow at once.
        poll_seconds: pause between two rounds.
        trouble_seconds: pause after a round that failed.
        close: called at the end.
    """

    what: str
    work: Callable[[], bool]
    poll_seconds: float
    trouble_seconds: float
    close: Callable[[], None] = lambda: None

    def run(self, stop: threading.Event, pulse: Callable[[], None] = lambda: None) -> None:
        """Go round until `stop` is set; `pulse` is called each time round."""
        told = ""
        try:
            while not stop.is_set():
                pulse()
                try:
                    seconds = 0.0 if self.work() else self.poll_seconds
                    told = ""
                except PlatformError as err:
                    if told != str(err):
                        _logger.warning("the audit log is not %s: %s", self.what, err)
                    told, seconds = str(err), self.trouble_seconds
                stop.wait(seconds)
        finally:
            self.close()
