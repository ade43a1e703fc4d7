"""Reads and records which constitution is in force; refuses one that replaces another unseen."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from infra.clock import to_millis, utc_now
from infra.errors import NotPreparedError
from infra.settings import Settings
from infra.stores.db import transaction
from registry.governance.adapters import constitution_memory, governance_file
from registry.governance.adapters.constitution_memory import InForce
from registry.governance.domain.governance import Governance


@dataclass(frozen=True, slots=True)
class GovernedNames:
    """Reads which names are governed by the constitution in force."""

    engine: Engine
    settings: Settings

    def current(self) -> Governance:
        """Return what is governed now; writes nothing.

        Raises:
            ConstitutionError: there is no valid constitution, or the shipped one took the place
                of this installation's own; nothing may be granted.
        """
        found = governance_file.load(self.settings)
        constitution_memory.require(self.engine, self._in_force(found))
        return found

    def note_in_force(self) -> None:
        """Record which constitution is in force, when a role starts that may act by it.

        Raises:
            ConstitutionError: as `current`.
        """
        # Where there is no database, nothing was ever decided.
        with suppress(NotPreparedError), transaction(self.engine) as connection:
            self.noted(connection, to_millis(utc_now()))

    def noted(self, connection: Connection, at_ms: int) -> Governance:
        """Return what is governed now, recorded in the transaction that decides by it.

        Raises:
            ConstitutionError: as `current`.
        """
        found = governance_file.load(self.settings)
        constitution_memory.note(connection, self._in_force(found), at_ms)
        return found

    def _in_force(self, found: Governance) -> InForce:
        own = not governance_file.is_shipped(self.settings)
        return InForce(found.constitution_digest, own)
