"""Decides whether this machine's confinement is enough to run models."""

from __future__ import annotations

import logging

from infra.confinement.plan import Demand, Means
from infra.confinement.probe import available, missing
from infra.errors import UnavailableError

log = logging.getLogger(__name__)


class ConfinementError(UnavailableError):
    """A model was not run, because it could not be confined."""

    code = "infra.confinement_missing"
    retriable = False


def agreed(demand: Demand = Demand.REQUIRED) -> frozenset[Means]:
    """Return the layers to confine models with.

    Raises:
        ConfinementError: the machine offers less than the minimum, and the setting asks for it.
    """
    means = available()
    lacks = missing(means)
    if not lacks:
        return means
    text = f"expected to confine models, found that this machine lacks {', '.join(lacks)}"
    match demand:
        case Demand.REQUIRED:
            raise ConfinementError(
                text,
                hint="use a kernel with Landlock or unprivileged user namespaces and let the "
                "container use them; ACGS_CONFINEMENT=best-effort runs models without",
            )
        case Demand.BEST_EFFORT:
            log.warning("%s; ACGS_CONFINEMENT=best-effort", text)
            return means


def described(means: frozenset[Means]) -> str:
    """Name the layers for people, in the order in which they are applied."""
    return ", ".join(layer.value for layer in Means if layer in means) or "nothing"
