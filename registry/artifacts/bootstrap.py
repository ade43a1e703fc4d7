"""Puts artifact keeping together, and is what other packages import of it.

Importing this opens nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from infra.clock import Clock, utc_now
from infra.settings import Settings
from registry.artifacts.base import Kit
from registry.artifacts.expiry import Retaining
from registry.artifacts.repair import Repairing
from registry.artifacts.replication import Replication
from registry.artifacts.scrub import Scrubbing
from registry.artifacts.statements import Statements
from registry.artifacts.usage import Accounting
from registry.bootstrap import Registry, open_registry


@dataclass(frozen=True, slots=True)
class Artifacts:
    """Names the parts of artifact keeping; callers take the part they need."""

    kit: Kit
    statements: Statements
    replication: Replication
    scrubbing: Scrubbing
    repairing: Repairing
    retention: Retaining
    accounting: Accounting


def open_artifacts(settings: Settings) -> Artifacts:
    """Return artifact keeping on this installation's database; connects at the first use."""
    return artifacts_of(settings, open_registry(settings))


def artifacts_of(settings: Settings, registry: Registry, clock: Clock = utc_now) -> Artifacts:
    """Return artifact keeping for a registry that is open."""
    kit = Kit(settings, registry, clock)
    replication, scrubbing = Replication(kit), Scrubbing(kit)
    return Artifacts(
        kit=kit,
        statements=Statements(kit),
        replication=replication,
        scrubbing=scrubbing,
        repairing=Repairing(kit, scrubbing, replication),
        retention=Retaining(kit, replication),
        accounting=Accounting(kit),
    )
