"""Artifact keeping as other packages see it: its parts, put together in `bootstrap`."""

from __future__ import annotations

from dataclasses import dataclass

from registry.artifacts.base import Kit
from registry.artifacts.repairing import Repairing
from registry.artifacts.replication import Replication
from registry.artifacts.retaining import Retaining
from registry.artifacts.scrubbing import Scrubbing
from registry.artifacts.statements import Statements
from registry.artifacts.usage import Accounting


@dataclass(frozen=True, slots=True)
class Artifacts:
    """Parts that callers take as they need them."""

    kit: Kit
    statements: Statements
    replication: Replication
    scrubbing: Scrubbing
    repairing: Repairing
    retention: Retaining
    accounting: Accounting
