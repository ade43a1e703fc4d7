"""Decides who may change a version's files, and whether they may be used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from infra.clock import to_millis
from infra.errors import UsageError
from infra.settings import Settings
from infra.stores.db import reading, transaction
from registry.adapters import locks
from registry.domain.records import Act, VersionRecord
from registry.files.adapters import custody_rows as rows
from registry.files.adapters import source_rules, writable_places
from registry.files.adapters.folder_names import names
from registry.files.adapters.real_places import destination_place, real_place
from registry.files.domain.custody import LegalHold, Protected, Quarantine, Unusable
from registry.files.domain.storage_place import either, storage_place


@dataclass(frozen=True, slots=True)
class Custody:
    """Manages protection, quarantine and legal holds."""

    engine: Engine
    settings: Settings

    def protecting(self, places: Sequence[str]) -> Protected | None:
        """Return a registered version with files at, below or around one of these locations."""
        called = self._names(places)
        with reading(self.engine) as connection:
            return rows.protecting(
                connection, sorted(called), lambda uri: self._is_shared(connection, uri)
            )

    def require_writable(self, places: Sequence[str]) -> None:
        """Refuse locations of this machine that are the platform's own, or outside each root.

        Raises:
            LocationRefusedError: one is.
        """
        for place in sorted(self._names(places)):
            writable_places.require_writable(self.settings, place)

    def _names(self, places: Sequence[str]) -> set[str]:
        destinations = {storage_place(self.settings.artifacts_destination)}
        destinations |= {place for place in (destination_place(self.settings),) if place}

        def both(names: Iterable[str]) -> set[str]:
            return {name for place in names for at in destinations for name in either(place, at)}

        # A real name may lie behind the proxy, though the one that was given does not.
        return both(name for place in both(places) for name in names(place))

    def _is_shared(self, connection: Connection, uri: str) -> bool:
        place = real_place(self.settings, uri)
        return place is not None and bool(source_rules.shared(self.settings, connection, place))

    def quarantine_of(self, uid: str) -> Quarantine | None:
        """Return the quarantine of a version; None if there is none."""
        with reading(self.engine) as connection:
            return rows.quarantine_of(connection, uid)

    def quarantine(self, record: VersionRecord, detail: str, actor: str, at: datetime) -> bool:
        """Forbid promoting and deploying a damaged version. Returns False if already so."""
        with transaction(self.engine) as connection:
            return rows.set_quarantine(
                connection, record, Unusable.DAMAGED, detail, Act(actor, to_millis(at))
            )

    def lift_quarantine(self, record: VersionRecord, detail: str, actor: str, at: datetime) -> bool:
        """Lift the quarantine of a version with proven files. Returns False if there is none."""
        with transaction(self.engine) as connection:
            return rows.lift_quarantine(connection, record, detail, Act(actor, to_millis(at)))

    def legal_hold_of(self, uid: str) -> LegalHold | None:
        """Return the legal hold on a version, if there is one."""
        with reading(self.engine) as connection:
            return rows.hold_of(connection, uid)

    def hold(self, record: VersionRecord, reason: str, actor: str, at: datetime) -> bool:
        """Forbid freeing or deleting a version's files. Returns False if it already has a hold.

        Raises:
            UsageError: no reason was given.
        """
        _require(reason)
        with transaction(self.engine) as connection:
            # Retention decides under the same lock: what is held first is not freed.
            locks.lock_model(connection, record.name)
            return rows.set_hold(connection, record, reason, Act(actor, to_millis(at)))

    def release(self, record: VersionRecord, reason: str, actor: str, at: datetime) -> bool:
        """Lift a legal hold. Returns False if there is none.

        Raises:
            UsageError: no reason was given.
        """
        _require(reason)
        with transaction(self.engine) as connection:
            return rows.lift_hold(connection, record, reason, Act(actor, to_millis(at)))


def _require(reason: str) -> None:
    if not reason.strip():
        raise UsageError("expected a reason, found none", hint="--reason 'why'")
