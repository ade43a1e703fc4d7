"""The role `adoption`: back-fills in the background, then looks now and then whether more waits.

Imports no MLflow: small, and ready at once.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from infra.component import Probe, Role

if TYPE_CHECKING:
    from infra.settings import Settings

NAME = "adoption"
SHARE = 0.5
"""Part of the time that it works, so that whoever serves has the rest."""
BEAT_SECONDS = 1.0
BEAT_MAX_AGE_SECONDS = 10.0
LOOK_SECONDS = 30.0
"""Between two looks for what plain MLflow, or a new constitution, left without a record."""

_logger = logging.getLogger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Work until `stop` is set; a failure that nobody foresaw ends the role."""
    from infra.processes.health import beat

    failures: list[BaseException] = []
    worker = threading.Thread(target=_work, args=(settings, stop, failures), name=NAME, daemon=True)
    worker.start()
    while worker.is_alive():
        beat(settings, NAME)
        worker.join(BEAT_SECONDS)
        if stop.is_set():
            worker.join(BEAT_MAX_AGE_SECONDS)
            break
    for failure in failures:
        raise failure


def _work(settings: Settings, stop: threading.Event, failures: list[BaseException]) -> None:
    from infra.errors import PlatformError
    from registry.adoption.backfill import Backfill
    from registry.bootstrap import open_registry

    registry = open_registry(settings)
    backfill = Backfill(registry, SHARE, pause=stop.wait)
    try:
        while not stop.is_set():
            try:
                backfill.work(stop)
            except PlatformError as err:
                _logger.warning("the back-fill stands still: %s", err.message)
            stop.wait(LOOK_SECONDS)
    except BaseException as err:
        failures.append(err)
    finally:
        registry.engine.dispose()


def ready(settings: Settings) -> Probe:
    """OK while the process beats; how far it is, `acgs adoption status` says."""
    from infra.processes.health import beating

    return beating(settings, NAME, max_age_seconds=BEAT_MAX_AGE_SECONDS)


def adoption_role() -> Role:
    """Describe the role to the platform."""
    return Role(
        name=NAME,
        summary="records the versions that plain MLflow registered, in the background",
        run=run,
        ready=ready,
    )
