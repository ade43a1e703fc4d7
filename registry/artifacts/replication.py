"""Copies versions to the replica, and locks their objects in the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from infra.errors import ConflictError
from infra.processes.leases import Leases
from infra.stores import bucket_locks
from infra.stores.db import reading, transaction
from registry.artifacts.adapters import rows
from registry.artifacts.base import Kit
from registry.audit.adapters import events
from registry.domain.records import Act, VersionRecord
from registry.domain.values import SYSTEM
from registry.files.adapters.stored_files import S3Files

REPLICA_LEASE = "replica"
"""Lease that writing blobs and collecting unneeded blobs take in turn."""


@dataclass(frozen=True, slots=True)
class Replication:
    """Makes second copies."""

    kit: Kit

    @contextmanager
    def writing_replica(self) -> Iterator[Leases]:
        """Hold the lease on changes to the replica for the block.

        Raises:
            ConflictError: another process writes to the replica right now.
        """
        leases = self.kit.leases
        with leases.held(REPLICA_LEASE) as had:
            if not had:
                raise ConflictError(
                    "expected nobody else to write to the replica, found another process",
                    hint="try again in half a minute",
                )
            yield leases

    def replicate(self, record: VersionRecord) -> int:
        """Copy a version's files to the replica; return how many bytes were new there.

        Each file counts once it was read back and hashed, so a killed process loses nothing and
        the next begins with the first file that is missing.

        Raises:
            ReplicaMissingError: there is no replica.
            ArtifactError: a file is not what was registered; it does not go there.
        """
        replica = self.kit.require_replica()
        manifest = self.kit.manifest(record)
        with reading(self.kit.engine) as connection:
            there = rows.blobs(connection, replica.id, (f.sha256 for f in manifest.files))
        source, new_bytes = self.kit.files(record), 0
        for file in manifest.files:
            if file.sha256 in there:
                continue
            there[file.sha256] = blob = replica.add(source, file)
            new_bytes += blob.stored_bytes
            with transaction(self.kit.engine) as connection:
                rows.keep_blob(connection, replica.id, blob, self.kit.now_ms())
        at_ms = self.kit.now_ms()
        with transaction(self.kit.engine) as connection:
            if rows.is_replicated(connection, replica.id, manifest.digest):
                return new_bytes
            rows.keep_replicated(connection, replica.id, manifest.digest, at_ms)
            events.record(
                connection,
                "artifact.replicated",
                Act(SYSTEM, at_ms),
                name=record.name,
                version=record.version,
                data={
                    "semver": record.semver,
                    "manifest_digest": manifest.digest,
                    "new_bytes": new_bytes,
                },
            )
        return new_bytes

    def is_replicated(self, record: VersionRecord) -> bool:
        """Return whether every file of a version is in the replica."""
        if self.kit.replica is None or record.manifest_digest is None:
            return False
        with reading(self.kit.engine) as connection:
            return rows.is_replicated(connection, self.kit.replica.id, record.manifest_digest)

    def lock_objects(self, record: VersionRecord) -> str:
        """Put the store's own legal hold on a version's objects, where the store supports it.

        Returns:
            `held`, or `unsupported` for a folder or a bucket without object lock.
        """
        files = self.kit.files(record)
        state = "unsupported"
        if isinstance(files, S3Files) and bucket_locks.enabled(files.store):
            for file in self.kit.manifest(record).files:
                bucket_locks.hold(files.store, file.path)
            state = "held"
        with transaction(self.kit.engine) as connection:
            rows.keep_lock(connection, record.uid, state, self.kit.now_ms())
        return state

    def lock_missing(self, limit: int) -> int:
        """Lock the objects of versions not locked yet; return how many."""
        with reading(self.kit.engine) as connection:
            waiting = rows.without_lock(connection, limit)
        for record in waiting:
            self.lock_objects(record)
        return len(waiting)
