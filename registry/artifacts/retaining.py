"""Use cases around retention: deciding, recording, and only then freeing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from infra.db import reading, transaction
from registry.adapters import custody_rows, locks
from registry.adapters.stored_files import S3Files, StoredFiles
from registry.artifacts.adapters import bucket_locks, retention_facts, rows, tables
from registry.artifacts.adapters.blobs import Blob
from registry.artifacts.adapters.compression import Encoding
from registry.artifacts.adapters.rows import Freed
from registry.artifacts.domain.retention import Decision, Facts, decide
from registry.artifacts.repairing import Repairing
from registry.artifacts.replication import REPLICA_LEASE
from registry.domain.manifest import Manifest
from registry.records import VersionRecord

_F = tables.freed.c


@dataclass(frozen=True, slots=True)
class Expired:
    """One version whose files were freed."""

    decision: Decision
    size_bytes: int


class Retaining(Repairing):
    """Freeing what nothing needs."""

    def decisions(self) -> Sequence[Decision]:
        """Decide for every version that keeps files; changes nothing."""
        with reading(self.engine) as connection:
            return self._decide(connection)

    def expire(self, actor: str) -> Iterator[Expired]:
        """Free what may be freed, one version after the other; finishes what was begun before.

        The record of each, with its proof, is committed before its first file goes.

        Raises:
            ConflictError: another process writes to the replica right now.
        """
        with self.writing_replica() as leases:
            with reading(self.engine) as connection:
                left = rows.tombstones(connection, unfinished=True)
                waiting = [d for d in self._decide(connection) if d.free]
            for tombstone in left:
                self._free(tombstone)
            for decision in waiting:
                tombstone_or_none = self._record(decision.uid, actor)
                leases.take(REPLICA_LEASE)
                if tombstone_or_none is not None:
                    self._free(tombstone_or_none)
                    yield Expired(decision, tombstone_or_none.size_bytes)
            if left or waiting:
                self._collect_blobs()

    def _decide(self, connection: Connection) -> list[Decision]:
        facts = [facts for _, facts in self._gather(connection)]
        return decide(facts, self.now_ms(), self.settings.artifact_retention_days)

    def _gather(self, connection: Connection) -> list[tuple[VersionRecord, Facts]]:
        return retention_facts.gather(connection, self.registry.governance().governs)

    def _record(self, uid: str, actor: str) -> Freed | None:
        """Decide again and record, in one transaction; None if it is needed by now."""
        at_ms = self.now_ms()
        with transaction(self.engine) as connection:
            # Whoever settles a request for this model meanwhile waits for us, or we for them.
            locks.hold_model(connection, self.registry.version(uid).name)
            gathered = {r.uid: (r, f) for r, f in self._gather(connection)}
            found = decide(
                [f for _, f in gathered.values()], at_ms, self.settings.artifact_retention_days
            )
            decision = next((d for d in found if d.uid == uid), None)
            if decision is None or not decision.free:
                return None
            record = gathered[uid][0]
            size_bytes = self.manifest(record).size_bytes
            tombstone = Freed(
                uid,
                str(record.manifest_digest),
                self.registry.files_uri(record),
                size_bytes,
                {"reasons": list(decision.reasons)},
                at_ms,
                None,
            )
            connection.execute(
                insert(tables.freed).values(
                    version_uid=uid,
                    manifest_digest=tombstone.manifest_digest,
                    storage_uri=tombstone.storage_uri,
                    size_bytes=size_bytes,
                    proof=dict(tombstone.proof),
                    decided_ms=at_ms,
                )
            )
            detail = "its files were freed by retention: " + "; ".join(decision.reasons)
            custody_rows.set_quarantine(
                connection, record, custody_rows.Unusable.FREED, detail, actor, at_ms
            )
        return tombstone

    def _free(self, tombstone: Freed) -> None:
        """Delete what a tombstone says; may be repeated."""
        record = self.registry.version(tombstone.version_uid)
        _delete(self.files(record), self.manifest(record))
        with transaction(self.engine) as connection:
            connection.execute(
                update(tables.freed)
                .where(_F.version_uid == tombstone.version_uid)
                .values(done_ms=self.now_ms())
            )

    def _collect_blobs(self) -> None:
        """Delete the replica's content that belongs to no version whose files are kept."""
        if self.replica is None:
            return
        with reading(self.engine) as connection:
            digests = {record.manifest_digest for record, _ in self._gather(connection)}
            needed = {
                file.sha256
                for manifest in rows.manifests(connection, (d for d in digests if d)).values()
                for file in manifest.files
            }
            b, p = tables.blob.c, tables.replicated.c
            known = [
                Blob(row.sha256, row.size_bytes, row.stored_bytes, Encoding(row.encoding))
                for row in connection.execute(
                    select(tables.blob).where(b.replica == self.replica.id)
                )
            ]
            complete = set(
                connection.execute(
                    select(p.manifest_digest).where(p.replica == self.replica.id)
                ).scalars()
            )
        for digest in complete - digests:
            with transaction(self.engine) as connection:
                rows.forget_replicated(connection, self.replica.id, digest)
        for blob in known:
            if blob.sha256 in needed:
                continue
            # The row first: content without a row is written again, a row without content lies.
            with transaction(self.engine) as connection:
                rows.forget_blob(connection, self.replica.id, blob.sha256)
            self.replica.remove(blob)


def _delete(files: StoredFiles, manifest: Manifest) -> None:
    locked = isinstance(files, S3Files) and bucket_locks.enabled(files.store)
    for file in manifest.files:
        if locked and isinstance(files, S3Files):
            bucket_locks.free(files.store, file.path)
        else:
            files.remove(file.path)
