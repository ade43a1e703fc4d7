"""Runs the role `adoption`: back-fills in the background, then looks for new versions at times.

Imports no MLflow: small, and ready at once.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from infra.component import Probe, Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.settings import Settings
    from registry.bootstrap import Registry

NAME = "adoption"
SHARE = 0.5
"""Share of the time in which it works, so that serving has the rest."""
STANDSTILL_SECONDS = 900.0
"""Longer than a batch should ever take: it hashes the files of up to 50 versions."""
LOOK_SECONDS = 30.0
"""Between two looks for what plain MLflow, or a new constitution, left without a record."""

_logger = logging.getLogger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Work until `stop` is set."""
    from infra.processes.loops import Loop, go_round
    from registry.bootstrap import open_registry

    registry = open_registry(settings)
    try:
        loop = Loop(NAME, lambda stop, pulse: _work(registry, stop, pulse), STANDSTILL_SECONDS)
        go_round(settings, NAME, [loop], stop)
    finally:
        registry.engine.dispose()


def _work(registry: Registry, stop: threading.Event, pulse: Callable[[], None]) -> None:
    from infra.errors import PlatformError
    from registry.adoption.backfill import Backfill

    def pause(seconds: float) -> None:
        pulse()
        stop.wait(seconds)

    backfill = Backfill(registry, SHARE, pause=pause)
    while not stop.is_set():
        try:
            backfill.work(stop)
        except PlatformError as err:
            _logger.warning("the back-fill is blocked: %s", err.message)
        pause(LOOK_SECONDS)


def ready(settings: Settings) -> Probe:
    """Report OK while the process beats; `acgs adoption status` shows the progress."""
    from infra.processes.health import beating

    return beating(settings, NAME)


def adoption_role() -> Role:
    """Return the role's description for the platform."""
    return Role(
        name=NAME,
        summary="records the versions that plain MLflow registered, in the background",
        run=run,
        ready=ready,
        light=True,
    )
