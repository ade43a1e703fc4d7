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
    """Stages and aliases of versions."""

    engine: Engine

    def stage_of(self, record: VersionRecord) -> Stage | None:
        """Return the stage in which a version stands now; None once it was deleted."""
        with reading(self.engine) as connection:
            return positions.stage_of(connection, record)

    def position(self, uid: str) -> Position:
        """Return where a version stands now."""
        with reading(self.engine) as connection:
            record = version_rows.require(connection, uid)
            return positions.position(connection, record)

    def alias_number(self, name: str, alias: str) -> int | None:
        """Return the version number an alias points at, compared without case."""
        with reading(self.engine) as connection:
            return places.alias_holder(connection, name, alias)

    def champion_number(self, name: str) -> int | None:
        """Return the version number of the champion, if there is one."""
        return self.alias_number(name, CHAMPION)
