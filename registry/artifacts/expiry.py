"""Frees files that nothing needs: decides, records the decision, and only then deletes."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from infra.stores import bucket_locks
from infra.stores.db import reading, transaction
from registry.adapters import locks
from registry.artifacts.adapters import retention_facts, rows, tables
from registry.artifacts.adapters.blobs import Blob
from registry.artifacts.adapters.compression import Encoding
from registry.artifacts.adapters.kept_objects import Kept, KeptObjects
from registry.artifacts.adapters.rows import Freed
from registry.artifacts.base import Kit
from registry.artifacts.domain.retention import (
    FolderClaim,
    RetentionDecision,
    RetentionFacts,
    decide,
)
from registry.artifacts.replication import REPLICA_LEASE, Replication
from registry.artifacts.settings import ArtifactSettings
from registry.domain.records import Act, VersionRecord
from registry.files.adapters import custody_rows, manifests
from registry.files.adapters.real_places import object_key, real_place
from registry.files.adapters.stored_files import S3Files, StoredFiles
from registry.files.domain.custody import Unusable
from registry.files.domain.manifest import Manifest
from registry.files.domain.storage_place import ancestors

_F = tables.freed.c


@dataclass(frozen=True, slots=True)
class Expired:
    """A version whose files were freed."""

    decision: RetentionDecision
    size_bytes: int


@dataclass(frozen=True, slots=True)
class RetentionState:
    """What retention knows of every version at one moment, and what follows from that."""

    versions: Sequence[tuple[VersionRecord, RetentionFacts]]
    claims: Sequence[FolderClaim]
    decisions: Mapping[str, RetentionDecision]

    def names_around(self, uid: str) -> list[str]:
        """Return the models with files at, below or around those of a version, in order."""
        place = next((f.place for _, f in self.versions if f.uid == uid), None)
        if place is None:
            return []
        folders = set(ancestors(place))
        return sorted(
            {
                record.name
                for record, facts in self.versions
                if facts.place is not None
                and (facts.place in folders or place in ancestors(facts.place))
            }
        )

    def record(self, uid: str) -> VersionRecord:
        """Return the record of a known version."""
        return next(record for record, _ in self.versions if record.uid == uid)

    def kept(self) -> list[Kept]:
        """Return the versions that are not to be freed."""
        return [
            Kept(record.uid, record.manifest_digest, facts.place)
            for record, facts in self.versions
            if not self.decisions[record.uid].free and record.manifest_digest and facts.place
        ]


@dataclass(frozen=True, slots=True)
class Retaining:
    """Frees what nothing needs."""

    kit: Kit
    replication: Replication

    def decisions(self) -> Sequence[RetentionDecision]:
        """Decide for every version that keeps files; changes nothing."""
        with reading(self.kit.engine) as connection:
            return list(self._known(connection).decisions.values())

    def expire(self, actor: str) -> Generator[Expired, None, None]:
        """Free what may be freed, one version at a time; finish what was begun before.

        The record of each, with its proof, is committed before its first file goes.

        Raises:
            ConflictError: another process writes to the replica right now.
        """
        objects = KeptObjects()
        with self.replication.writing_replica() as leases:
            with reading(self.kit.engine) as connection:
                left = rows.tombstones(connection, unfinished=True)
                waiting = [d for d in self._known(connection).decisions.values() if d.free]
            for tombstone in left:
                self._free(tombstone, objects)
            for decision in waiting:
                tombstone_or_none = self._record(decision.uid, actor, objects)
                leases.take(REPLICA_LEASE)
                if tombstone_or_none is not None:
                    self._free(tombstone_or_none, objects)
                    yield Expired(decision, tombstone_or_none.size_bytes)
            if left or waiting:
                self._collect_blobs()

    def _known(self, connection: Connection) -> RetentionState:
        governs = self.kit.registry.governance.current().governs
        versions = retention_facts.gather(connection, self.kit.settings, governs)
        claims = retention_facts.claims(connection, self.kit.settings)
        facts = [facts for _, facts in versions]
        days = self.kit.settings.of(ArtifactSettings).retention_days
        decided = decide(facts, self.kit.now_ms(), days, claims)
        return RetentionState(versions, claims, {decision.uid: decision for decision in decided})

    def _record(self, uid: str, actor: str, objects: KeptObjects) -> Freed | None:
        """Decide again and record that, in one transaction; None if the version is now needed."""
        at_ms = self.kit.now_ms()
        with transaction(self.kit.engine) as connection:
            # A process that settles a request for one of these models waits, or this one does.
            for name in self._known(connection).names_around(uid):
                locks.lock_model(connection, name)
            locks.lock_registrations(connection)
            known = self._known(connection)
            decision = known.decisions.get(uid)
            if decision is None or not decision.free:
                return None
            record = known.record(uid)
            manifest = self.kit.manifest(record)
            keys = self._keys(record, manifest)
            if objects.needed(connection, keys, known.kept(), known.claims):
                # A kept version needs these objects, whatever their folders are called.
                return None
            tombstone = Freed(
                uid,
                manifest.digest,
                self.kit.registry.files.files_uri(record),
                manifest.size_bytes,
                {"reasons": list(decision.reasons)},
                at_ms,
                None,
            )
            connection.execute(
                insert(tables.freed).values(
                    version_uid=uid,
                    manifest_digest=tombstone.manifest_digest,
                    storage_uri=tombstone.storage_uri,
                    size_bytes=tombstone.size_bytes,
                    proof=dict(tombstone.proof),
                    decided_ms=at_ms,
                )
            )
            detail = "its files were freed by retention: " + "; ".join(decision.reasons)
            custody_rows.set_quarantine(
                connection, record, Unusable.FREED, detail, Act(actor, at_ms)
            )
        return tombstone

    def _keys(self, record: VersionRecord, manifest: Manifest) -> dict[str, str]:
        """Return the name of each of a version's files by its object."""
        place = real_place(self.kit.settings, self.kit.registry.files.files_uri(record))
        return {object_key(place, file.path): file.path for file in manifest.files} if place else {}

    def _free(self, tombstone: Freed, objects: KeptObjects) -> None:
        """Delete what a tombstone names and no other version needs; can be repeated.

        Nothing is registered meanwhile: a version that came since the decision keeps its files.
        """
        record = self.kit.registry.versions.version(tombstone.version_uid)
        keys = self._keys(record, self.kit.manifest(record))
        with transaction(self.kit.engine) as connection:
            locks.lock_registrations(connection)
            known = self._known(connection)
            needed = objects.needed(connection, keys, known.kept(), known.claims)
            _delete(
                self.kit.files(record), [name for key, name in keys.items() if key not in needed]
            )
            connection.execute(
                update(tables.freed)
                .where(_F.version_uid == tombstone.version_uid)
                .values(done_ms=self.kit.now_ms())
            )

    def _collect_blobs(self) -> None:
        """Delete the replica's content that no version with kept files uses."""
        if self.kit.replica is None:
            return
        with reading(self.kit.engine) as connection:
            digests = {r.manifest_digest for r, _ in self._known(connection).versions}
            needed = {
                file.sha256
                for manifest in manifests.find_all(connection, (d for d in digests if d)).values()
                for file in manifest.files
            }
            b, p = tables.blob.c, tables.replicated.c
            known = [
                Blob(row.sha256, row.size_bytes, row.stored_bytes, Encoding(row.encoding))
                for row in connection.execute(
                    select(tables.blob).where(b.replica == self.kit.replica.id)
                )
            ]
            complete = set(
                connection.execute(
                    select(p.manifest_digest).where(p.replica == self.kit.replica.id)
                ).scalars()
            )
        for digest in complete - digests:
            with transaction(self.kit.engine) as connection:
                rows.forget_replicated(connection, self.kit.replica.id, digest)
        for blob in known:
            if blob.sha256 in needed:
                continue
            # The row first: content without a row is written again, a row without content lies.
            with transaction(self.kit.engine) as connection:
                rows.forget_blob(connection, self.kit.replica.id, blob.sha256)
            self.kit.replica.remove(blob)


def _delete(files: StoredFiles, names: Sequence[str]) -> None:
    if not isinstance(files, S3Files):
        for name in names:
            files.remove(name)
    elif bucket_locks.enabled(files.store):
        for name in names:
            bucket_locks.free(files.store, name)
    else:
        files.store.delete(names)
