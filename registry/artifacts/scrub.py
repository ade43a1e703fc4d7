"""Finds damage: hashes the stored files, compares, and records the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from infra.errors import NoAccessError, PlatformError
from infra.stores.db import reading, transaction
from registry.artifacts.adapters import rows, tables
from registry.artifacts.adapters.rows import FileCheck
from registry.artifacts.base import Kit
from registry.artifacts.errors import StatementInvalidError
from registry.artifacts.proofs import proven
from registry.audit.adapters import events
from registry.domain.records import Act, VersionRecord
from registry.domain.values import SYSTEM
from registry.errors import ArtifactError
from registry.files.adapters.hashing import Pace
from registry.files.adapters.stored_files import manifest_at
from registry.files.domain.manifest import Manifest, difference

_P = tables.scrub_pass.c
_NOT_READ = "files: cannot read the model's files "
"""What earlier releases quarantined a version with whose store did not let them look."""
IN_REPLICA = "replica: "
"""What a change of the copy begins with; every other one is about the version's own files."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass over all versions; `resumed` when an earlier process began it."""

    id: int
    scope: str
    started_ms: int
    resumed: bool


@dataclass(frozen=True, slots=True)
class Scrubbing:
    """Checks files."""

    kit: Kit

    def check(self, record: VersionRecord, pace: Pace | None = None) -> FileCheck:
        """Hash a version's files, its copy in the replica and its statement, and record the result.

        Raises:
            NoAccessError: a store denies access; nothing is recorded about that store.
            UnavailableError: a store does not answer; nothing is recorded about that store.
        """
        registered = self.kit.manifest(record)
        changes = self._file_changes(record, registered, pace)
        changes += self._statement_changes(record)
        try:
            lost = self.lost_copies(registered, pace)
        except PlatformError:
            if changes:
                self._remember(record, registered, changes, frozenset())
            raise
        return self._remember(record, registered, changes, lost)

    def _remember(
        self,
        record: VersionRecord,
        registered: Manifest,
        of_files: list[str],
        lost: frozenset[str],
    ) -> FileCheck:
        changes = [*of_files, *replica_changes(registered, lost)]
        found = FileCheck(
            record.uid, self.kit.now_ms(), not changes, tuple(changes), registered.size_bytes
        )
        with transaction(self.kit.engine) as connection:
            self._lose(connection, registered, lost)
            before = rows.checked(connection, record.uid)
            rows.keep_check(connection, found)
            if changes and (before is None or before.changes != found.changes):
                _announce(connection, record, found)
        if not of_files:
            self._heal(record)
        return found

    def _heal(self, record: VersionRecord) -> None:
        """Lift a quarantine that only says that files could not be read, once they can be."""
        known = self.kit.registry.custody.quarantine_of(record.uid)
        if known is not None and known.detail.startswith(_NOT_READ):
            detail = "could be read again, and proven"
            self.kit.registry.custody.lift_quarantine(record, detail, SYSTEM, self.kit.clock())

    def _file_changes(
        self, record: VersionRecord, registered: Manifest, pace: Pace | None
    ) -> list[str]:
        try:
            found = manifest_at(self.kit.settings, self.kit.registry.files.files_uri(record), pace)
        except ArtifactError as err:
            return [f"files: {err.message}"]
        return list(difference(registered, found))

    def _statement_changes(self, record: VersionRecord) -> list[str]:
        with reading(self.kit.engine) as connection:
            known = rows.statement_of(connection, record.uid)
        if known is None:
            return []
        try:
            predicate, signed = proven(known[0], self.kit.keys.trusted())
        except StatementInvalidError as err:
            return [f"statement: {err.message}"]
        if (predicate["version_uid"], signed.digest) != (record.uid, record.manifest_digest):
            return ["statement: it is about other files than the registered manifest"]
        return []

    def lost_copies(self, registered: Manifest, pace: Pace | None = None) -> frozenset[str]:
        """Read the replica's copies, and return the contents that are missing or damaged."""
        replica = self.kit.replica
        if replica is None:
            return frozenset()
        wanted = (file.sha256 for file in registered.files)
        with reading(self.kit.engine) as connection:
            promised = rows.promised_blobs(connection, replica.id, wanted)
        lost = (blob for blob in promised.values() if not replica.holds(blob, pace))
        return frozenset(blob.sha256 for blob in lost)

    def _lose(self, connection: Connection, registered: Manifest, lost: frozenset[str]) -> None:
        """Mark damaged content as lost, so that it is copied to the replica again."""
        if self.kit.replica is None or not lost:
            return
        for sha256 in sorted(lost):
            rows.lose_blob(connection, self.kit.replica.id, sha256)
        rows.forget_replicated(connection, self.kit.replica.id, registered.digest)

    def begin_pass(self, name: str | None, *, restart: bool = False) -> Pass:
        """Begin a pass over all versions or one model's, or resume one that stopped."""
        scope, now_ms = name or "*", self.kit.now_ms()
        with transaction(self.kit.engine) as connection:
            left = connection.execute(
                select(tables.scrub_pass)
                .where(_P.scope == scope, _P.finished_ms.is_(None))
                .order_by(_P.id.desc())
                .limit(1)
            ).one_or_none()
            if left is not None and not restart:
                return Pass(left.id, scope, left.started_ms, resumed=True)
            if left is not None:
                _finish(connection, scope, now_ms)
            key = connection.execute(
                insert(tables.scrub_pass).values(scope=scope, started_ms=now_ms)
            ).inserted_primary_key
        if key is None:
            raise RuntimeError("the database returned no key for an inserted row")
        return Pass(int(key[0]), scope, now_ms, resumed=False)

    def version_count(self, name: str | None) -> int:
        """Return how many versions a pass checks."""
        with reading(self.kit.engine) as connection:
            return rows.count(connection, name)[0]

    def walk(
        self, walk: Pass, name: str | None, pace: Pace | None = None
    ) -> Iterator[tuple[VersionRecord, FileCheck]]:
        """Check each version once per pass, even if the process is killed midway.

        Raises:
            NoAccessError: after all other versions, when a store denied access to some; the pass
                stays unfinished, and the process that resumes it checks those.
            UnavailableError: a store does not answer; raised at once.
        """
        after, unseen = "", list[tuple[VersionRecord, NoAccessError]]()
        while True:
            with reading(self.kit.engine) as connection:
                page = rows.versions(connection, name, after)
            if not page:
                break
            for record in page:
                after = record.uid
                with reading(self.kit.engine) as connection:
                    known = rows.checked(connection, record.uid)
                if known is None or known.checked_ms < walk.started_ms:
                    try:
                        known = self.check(record, pace)
                    except NoAccessError as err:
                        unseen.append((record, err))
                        continue
                yield record, known
        if unseen:
            raise _not_seen(unseen)
        with transaction(self.kit.engine) as connection:
            _finish(connection, walk.scope, self.kit.now_ms())


def replica_changes(registered: Manifest, lost: frozenset[str]) -> list[str]:
    """Return which files have no copy in the replica any more."""
    return [
        f"{IN_REPLICA}{file.path}: content changed or missing"
        for file in registered.files
        if file.sha256 in lost
    ]


def bounded(
    bytes_per_second: float,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> Pace:
    """Return a pace that keeps reading below a rate over any period longer than a second."""
    due = now()

    def pace(count: int) -> None:
        nonlocal due
        # Unused time does not add up to a burst.
        due = max(due, now() - 1.0) + count / bytes_per_second
        ahead = due - now()
        if ahead > 0:
            sleep(ahead)

    return pace


def _not_seen(unseen: Sequence[tuple[VersionRecord, NoAccessError]]) -> NoAccessError:
    record, error = unseen[0]
    more = f" and {len(unseen) - 1} more" if len(unseen) > 1 else ""
    return NoAccessError(
        f"could not read {record.name} {record.semver}{more}: {error.message}", hint=error.hint
    )


def _finish(connection: Connection, scope: str, at_ms: int) -> None:
    connection.execute(
        update(tables.scrub_pass)
        .where(_P.scope == scope, _P.finished_ms.is_(None))
        .values(finished_ms=at_ms)
    )


def _announce(connection: Connection, record: VersionRecord, found: FileCheck) -> None:
    events.record(
        connection,
        "artifact.damaged",
        Act(SYSTEM, found.checked_ms),
        name=record.name,
        version=record.version,
        data={"semver": record.semver, "changes": list(found.changes[:50])},
    )
