"""Reads where versions stand."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from infra.stores.db import reading
from registry.adapters import version_rows
from registry.domain.records import Position, VersionRecord
from registry.domain.values import CHAMPION, Stage
from registry.stages.adapters import places, positions


@dataclass(frozen=True, slots=True)
class Stages:
    """Reads stages and aliases of versions."""

    engine: Engine

    def stage_of(self, record: VersionRecord) -> Stage | None:
        """Return the current stage of a version; None once it was deleted."""
        with reading(self.engine) as connection:
            return positions.stage_of(connection, record)

    def position(self, uid: str) -> Position:
        """Return the current position of a version."""
        with reading(self.engine) as connection:
            record = version_rows.require(connection, uid)
            return positions.position(connection, record)

    def alias_number(self, name: str, alias: str) -> int | None:
        """Return the version number that an alias points at, compared without case."""
        with reading(self.engine) as connection:
            return places.alias_holder(connection, name, alias)

    def champion_number(self, name: str) -> int | None:
        """Return the version number of the champion; None if there is none."""
        return self.alias_number(name, CHAMPION)
