"""A delivery loop in a process of its own, for tests that kill it."""

from __future__ import annotations

import threading

from infra.configuration import load_settings
from infra.secrets import Sealer
from infra.stores.db import open_engine
from registry.bootstrap import registry_on
from registry.webhooks.deliveries import DeliveryLoop, DeliveryPace
from registry.webhooks.rights import ReadRights

# A short lease, so that what a killed process held is soon free.
PACE = DeliveryPace(deadline_seconds=1.0, lease_seconds=1.5)

if __name__ == "__main__":
    settings = load_settings()
    engine = open_engine(settings.sqlalchemy_url)
    access = registry_on(engine, settings).access
    DeliveryLoop(engine, Sealer(settings), ReadRights(access), pace=PACE).run(threading.Event())
