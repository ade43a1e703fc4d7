"""Runs the role `manager`: delivers the outbox, settles requests, signs the audit log.

Safe to kill at any time.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from infra.component import Probe, Role

if TYPE_CHECKING:
    from infra.settings import Settings

NAME = "manager"
# Longer than one round of a loop should ever take: SQLite waits 20 s for a locked database.
STANDSTILL_SECONDS = 60.0
LOG_SECONDS = 900.0
"""Longer than a round of the audit log: a mirror that is new copies every entry."""


def run(settings: Settings, stop: threading.Event) -> None:
    """Run the loops until `stop` is set."""
    from infra.processes.loops import Loop, go_round
    from infra.secrets import Sealer
    from infra.stores.db import open_engine
    from registry.audit.merkle.bootstrap import loops as log_loops
    from registry.bootstrap import open_registry
    from registry.gate.settlement import SettlingLoop
    from registry.webhooks.backlog import Backlog
    from registry.webhooks.deliveries import DeliveryLoop
    from registry.webhooks.rights import ReadRights

    engine = open_engine(settings.sqlalchemy_url)
    registry = open_registry(settings)
    deliveries = DeliveryLoop(engine, Sealer(settings), ReadRights(registry.access))
    settling = SettlingLoop(registry.gate, engine)
    loops = [
        Loop("delivery", deliveries.run, STANDSTILL_SECONDS),
        Loop("backlog", Backlog(engine).run, STANDSTILL_SECONDS),
        Loop("settling", settling.run, STANDSTILL_SECONDS),
        *(Loop(name, loop.run, LOG_SECONDS) for name, loop in log_loops(engine, settings)),
    ]
    try:
        go_round(settings, NAME, loops, stop)
    finally:
        engine.dispose()


def ready(settings: Settings) -> Probe:
    """Report OK while a live manager's loops go round."""
    from infra.processes.health import beating

    return beating(settings, NAME)


def manager_role() -> Role:
    """Return the role's description for the platform."""
    return Role(
        name=NAME,
        summary="delivers webhooks, settles transition requests, signs the audit log",
        run=run,
        ready=ready,
        light=True,
    )
