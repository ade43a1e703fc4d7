"""Gives records, in order, to versions that plain MLflow registered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from infra.stores.db import reading, transaction
from registry.adapters import locks, version_rows
from registry.adapters import mlflow_tables as mlflow
from registry.domain.records import VersionRecord
from registry.errors import NotAdoptedError, UnknownVersionError
from registry.files.service import Files
from registry.stages.adapters import places
from registry.versions.catalogue import Versions
from registry.versions.registration import Registration

FIRST = 100
"""Most older versions to record first while a caller waits for a later one's record."""

Then = Callable[[Connection, Sequence[VersionRecord]], None]


def _nothing(_connection: Connection, _made: Sequence[VersionRecord]) -> None:
    """Add nothing to the transaction."""


@dataclass(frozen=True, slots=True)
class Takeover:
    """Records versions that exist only in MLflow's tables."""

    engine: Engine
    versions: Versions
    files: Files
    registration: Registration

    def adopt(self, name: str, number: int, actor: str) -> VersionRecord:
        """Return a version's record, making it now if plain MLflow registered the version.

        Versions before it that have none get theirs first: a semantic version says what changed
        since the one before.

        Raises:
            UnknownVersionError: MLflow has no such version, or it is a prompt.
            NotAdoptedError: too many versions before it have no record yet.
        """
        with reading(self.engine) as connection:
            known = version_rows.live_version(connection, name, number)
            if known is not None:
                return known
            source = version_rows.source_of(connection, name, number)
            before = places.unrecorded_numbers(connection, name, FIRST + 1, before=number)
        if source is None or source in mlflow.PROMPT_SOURCES:
            raise UnknownVersionError(
                f"{name} has no version number {number}: {self.versions.known_versions(name)}"
            )
        if len(before) > FIRST:
            raise NotAdoptedError(
                f"{name} version {number}: expected a record of each version before it, found "
                f"more than {FIRST} that plain MLflow registered and that have none yet",
                hint="they get theirs in the background: acgs adoption status",
            )
        self.take_over(name, [*before, number], actor, shown=True)
        with reading(self.engine) as connection:
            made = version_rows.live_version(connection, name, number)
        if made is None:
            raise UnknownVersionError(f"{name} has no version number {number} any more")
        return made

    def adopt_oldest(self, name: str, limit: int, actor: str) -> None:
        """Make the missing records of a model's oldest versions, in order, at most `limit`."""
        with reading(self.engine) as connection:
            numbers = places.unrecorded_numbers(connection, name, limit)
        self.take_over(name, numbers, actor, shown=True)

    def take_over(
        self,
        name: str,
        numbers: Sequence[int],
        actor: str,
        *,
        shown: bool,
        then: Then = _nothing,
    ) -> Sequence[VersionRecord]:
        """Make the records of versions that plain MLflow registered, in one transaction.

        Versions with a record, and deleted ones, are left out.

        Args:
            name: registered model.
            numbers: MLflow's numbers, in the order in which their records are made.
            actor: who makes them.
            shown: whether MLflow's pages may show them.
            then: what else happens in the transaction.
        """
        with reading(self.engine) as connection:
            at = {number: version_rows.location_of(connection, name, number) for number in numbers}
        inspected = {
            number: self.files.inspect(location) for number, location in at.items() if location
        }
        made = []
        with transaction(self.engine) as connection:
            locks.lock_model(connection, name)
            for number, found in inspected.items():
                # It may have been deleted, or made again, while its files were read.
                same = version_rows.location_of(connection, name, number) == at[number]
                if not same or version_rows.live_version(connection, name, number) is not None:
                    continue
                made.append(
                    self.registration.record_version(
                        connection, name, found, actor, number, shown=shown
                    )
                )
            then(connection, made)
        return made
