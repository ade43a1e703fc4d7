"""Stores scorecards: equal artifact, evidence, constitution and target give an equal verdict.

Each is sealed together with its key: a scorecard that somebody wrote into the table, or moved to
another key there, is not believed, and the version is judged again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from compliance.adapters import tables
from infra.clock import Clock, to_millis, utc_now
from infra.secrets import Sealer, SecretError
from infra.stores.db import reading, transaction

_V = tables.verdict.c
_SEALED = "sealed"

_logger = logging.getLogger(__name__)


class StoredVerdicts:
    """Scorecards in the database."""

    def __init__(self, engine: Engine, sealer: Sealer, clock: Clock = utc_now) -> None:
        self.engine = engine
        self.sealer = sealer
        self.clock = clock

    def get(self, key: str) -> Mapping[str, Any] | None:
        """Return the scorecard stored under a key, if this platform stored it."""
        with reading(self.engine) as connection:
            found = connection.execute(select(_V.document).where(_V.key == key)).scalar()
        return None if found is None else self._opened(key, found)

    def _opened(self, key: str, found: object) -> Mapping[str, Any] | None:
        try:
            kept = json.loads(self.sealer.open(str(dict(found)[_SEALED])))  # type: ignore[call-overload]
        except (SecretError, KeyError, TypeError, ValueError):
            # Those of earlier releases were not sealed.
            _logger.warning("a stored verdict is not one that this platform sealed; judging again")
            return None
        return dict(kept["document"]) if kept["key"] == key else None

    def put(self, key: str, document: Mapping[str, Any]) -> None:
        """Store a scorecard, in the place of one that is not believed."""
        sealed = self.sealer.seal(json.dumps({"key": key, "document": dict(document)}))
        values = {"document": {_SEALED: sealed}, "created_ms": to_millis(self.clock())}
        try:
            with transaction(self.engine) as connection:
                connection.execute(insert(tables.verdict).values(key=key, **values))
        except IntegrityError:
            if self.get(key) is None:
                with transaction(self.engine) as connection:
                    connection.execute(update(tables.verdict).where(_V.key == key).values(**values))
