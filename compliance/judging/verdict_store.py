"""Stores scorecards: equal artifact, evidence, constitution and target give an equal verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import IntegrityError

from compliance.adapters import tables
from infra.clock import Clock, to_millis, utc_now
from infra.stores.db import reading, transaction

_V = tables.verdict.c


class StoredVerdicts:
    """Scorecards in the database."""

    def __init__(self, engine: Engine, clock: Clock = utc_now) -> None:
        self.engine = engine
        self.clock = clock

    def get(self, key: str) -> Mapping[str, Any] | None:
        """Return the scorecard stored under a key."""
        with reading(self.engine) as connection:
            found = connection.execute(select(_V.document).where(_V.key == key)).scalar()
        return None if found is None else dict(found)

    def put(self, key: str, document: Mapping[str, Any]) -> None:
        """Store a scorecard; the first one under a key stays."""
        try:
            with transaction(self.engine) as connection:
                connection.execute(
                    insert(tables.verdict).values(
                        key=key, document=dict(document), created_ms=to_millis(self.clock())
                    )
                )
        except IntegrityError:
            return
