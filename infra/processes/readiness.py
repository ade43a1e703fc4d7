"""Asks for readiness in the background, so that a probe that hangs delays nothing else."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.component import Health, Probe, Role

if TYPE_CHECKING:
    from infra.settings import Settings

STARTING_PAUSE_SECONDS = 0.2
SETTLED_PAUSE_SECONDS = 2.0
MAX_ROLES = 16


@dataclass(slots=True)
class _Asked:
    future: Future[Probe] | None = None
    next_at: float = field(default=0.0)  # monotonic


class Prober:
    """Asks roles whether they are ready, one question per role at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._asked: dict[str, _Asked] = {}
        self._pool = ThreadPoolExecutor(max_workers=MAX_ROLES, thread_name_prefix="ready")

    def latest(self, role: Role, *, settled: bool) -> Probe | None:
        """Return the answer that arrived since the last call, if any; ask again when it is time.

        Args:
            role: to ask.
            settled: whether the role is known to be ready, and so is asked less often.
        """
        asked = self._asked.setdefault(role.name, _Asked())
        now = time.monotonic()
        if asked.future is None:
            if now >= asked.next_at:
                asked.future = self._pool.submit(ask, role, self._settings)
            return None
        if not asked.future.done():
            return None
        probe = asked.future.result()
        asked.future = None
        asked.next_at = now + (SETTLED_PAUSE_SECONDS if settled else STARTING_PAUSE_SECONDS)
        return probe

    def forget(self, role: Role) -> None:
        """Drop the open question to a role whose process has ended."""
        self._asked.pop(role.name, None)

    def close(self) -> None:
        """Ask no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def ask(role: Role, settings: Settings) -> Probe:
    """Ask a role whether it is ready; one that cannot answer is not."""
    try:
        return role.ready(settings)
    except Exception as err:
        return Probe(role.name, Health.FAILED, f"{type(err).__name__}: {err}")
