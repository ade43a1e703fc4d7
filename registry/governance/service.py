"""What every use case of the registry is given."""

from __future__ import annotations

from sqlalchemy import Engine

from infra.settings import Settings
from registry.governance.adapters import constitution_memory, governance_file
from registry.governance.adapters.constitution_memory import InForce
from registry.governance.domain.governance import Governance


class UseCases:
    """A database and the settings; nothing is opened before it is needed."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings

    def governance(self) -> Governance:
        """Return what is governed now.

        Raises:
            ConstitutionError: there is no valid constitution, or the shipped one took the place
                of this installation's own; nothing may be granted.
        """
        found = governance_file.load(self.settings)
        own = not governance_file.is_shipped(self.settings)
        constitution_memory.require(self.engine, InForce(found.constitution_digest, own))
        return found
