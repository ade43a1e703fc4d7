"""Records in the audit trail that models run less confined than they should."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from infra.clock import to_millis
from infra.confinement.exposure import private_paths, refuse_exposed
from infra.confinement.plan import Means, python_mounts
from infra.confinement.policy import agreed, described
from infra.confinement.probe import missing
from infra.settings import Settings
from infra.stores.db import transaction
from registry.audit.adapters import events
from registry.domain.records import Act


def confinement(settings: Settings, engine: Engine, role: str, at: datetime) -> frozenset[Means]:
    """Return the layers that confine models; record each layer that the setting waives.

    Args:
        settings: of the platform.
        engine: of the registry's database.
        role: that is about to run models, e.g. `compliance`.
        at: now.

    Raises:
        ConfinementError: the machine offers less than the minimum, and the setting asks for it.
        ExposedError: something private lies below what every model is shown.
    """
    refuse_exposed(private_paths(settings), python_mounts(Path(sys.executable), ()))
    means = agreed(settings.confinement)
    lacks = missing(means)
    if lacks:
        with transaction(engine) as connection:
            events.record(
                connection,
                "confinement.waived",
                Act("acgs", to_millis(at)),
                name=role,
                data={"lacks": list(lacks), "enforced": described(means)},
            )
    return means
