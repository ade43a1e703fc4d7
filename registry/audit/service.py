"""Reads the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from infra.stores.db import reading
from registry.audit.adapters import events
from registry.domain.records import Event


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """Reads what happened, in the order of commits."""

    engine: Engine

    def events(
        self, after_id: int = 0, name: str | None = None, limit: int = 1000
    ) -> Sequence[Event]:
        """Return the audit trail, oldest first."""
        with reading(self.engine) as connection:
            return events.trail(connection, after_id=after_id, name=name, limit=limit)
