"""What every use case of the registry is given."""

from __future__ import annotations

from sqlalchemy import Engine

from infra.settings import Settings
from registry.adapters import governance_file
from registry.domain.governance import Governance


class UseCases:
    """A database and the settings; nothing is opened before it is needed."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings

    def governance(self) -> Governance:
        """Return what is governed now.

        Raises:
            ConstitutionError: there is no valid constitution; nothing may be granted.
        """
        return governance_file.load(self.settings)
