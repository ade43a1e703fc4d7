"""Reports to `acgs health` which layers confine models on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.component import Health, Probe
from infra.confinement.plan import Demand
from infra.confinement.policy import described
from infra.confinement.probe import available, missing

if TYPE_CHECKING:
    from infra.settings import Settings


def probe(settings: Settings) -> Probe:
    """Return the layers that this machine offers, and fail where the minimum is missing."""
    means = available()
    lacks = missing(means)
    detail = described(means)
    if lacks:
        detail += f"; lacks {', '.join(lacks)}; ACGS_CONFINEMENT={settings.confinement}"
    waived = settings.confinement is Demand.BEST_EFFORT
    return Probe("confinement", Health.FAILED if lacks and not waived else Health.OK, detail)
