"""Reads which constitution is in force, and refuses one that took another's place."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from infra.settings import Settings
from registry.governance.adapters import constitution_memory, governance_file
from registry.governance.adapters.constitution_memory import InForce
from registry.governance.domain.governance import Governance


@dataclass(frozen=True, slots=True)
class GovernedNames:
    """Which names are governed, by the constitution in force."""

    engine: Engine
    settings: Settings

    def current(self) -> Governance:
        """Return what is governed now.

        Raises:
            ConstitutionError: there is no valid constitution, or the shipped one took the place
                of this installation's own; nothing may be granted.
        """
        found = governance_file.load(self.settings)
        own = not governance_file.is_shipped(self.settings)
        constitution_memory.require(self.engine, InForce(found.constitution_digest, own))
        return found
