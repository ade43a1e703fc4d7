"""Gathers what every use case of artifact keeping needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy import Engine

from infra.clock import Clock, to_millis, utc_now
from infra.processes.leases import Leases, LeaseTable, this_process
from infra.settings import Settings
from infra.stores.db import reading
from registry.artifacts.adapters import tables
from registry.artifacts.adapters.blobs import Replica
from registry.artifacts.adapters.keys import SigningKeys
from registry.artifacts.errors import NoManifestError, ReplicaMissingError
from registry.bootstrap import Registry
from registry.domain.records import VersionRecord
from registry.errors import ArtifactError
from registry.files.adapters import manifests
from registry.files.adapters.stored_files import StoredFiles, open_files
from registry.files.domain.manifest import Manifest

LEASE_MS = 30_000
LEASES = LeaseTable(
    tables.lease, tables.lease.c.name, tables.lease.c.owner, tables.lease.c.until_ms
)


@dataclass
class Kit:
    """The registry, the database, the keys and the replica, each opened when first needed."""

    settings: Settings
    registry: Registry
    clock: Clock = field(default=utc_now)

    @property
    def engine(self) -> Engine:
        """The registry's database, which also holds the tables of artifact keeping."""
        return self.registry.engine

    @cached_property
    def keys(self) -> SigningKeys:
        """The keys of this installation."""
        return SigningKeys(self.settings)

    @cached_property
    def leases(self) -> Leases:
        """The leases on work that only one process does at a time, in this process's name."""
        return Leases(self.engine, LEASES, LEASE_MS, this_process(), self.clock)

    @cached_property
    def replica(self) -> Replica | None:
        """The replica, if one is set up."""
        return Replica.of(self.settings)

    def require_replica(self) -> Replica:
        """Return the replica.

        Raises:
            ReplicaMissingError: none is set up.
        """
        if self.replica is None:
            raise ReplicaMissingError(
                "expected a replica, found ACGS_ARTIFACT_REPLICA empty",
                hint="set ACGS_ARTIFACT_REPLICA to a folder on another disk or to s3://bucket/...",
            )
        return self.replica

    def way_back(self) -> str:
        """Say how damaged files can be restored to what was registered."""
        if self.replica is None:
            return (
                "restore the files from a backup, then: acgs artifact repair (nothing is copied "
                "by itself: ACGS_ARTIFACT_REPLICA is empty)"
            )
        return "acgs artifact repair restores them from the replica"

    def now_ms(self) -> int:
        """Return the current time in milliseconds."""
        return to_millis(self.clock())

    def manifest(self, record: VersionRecord) -> Manifest:
        """Return a version's registered files.

        Raises:
            NoManifestError: they were not readable then.
        """
        if record.manifest_digest is not None:
            with reading(self.engine) as connection:
                found = manifests.find(connection, record.manifest_digest)
            if found is not None:
                return found
        raise NoManifestError(
            f"{record.ref}: expected a manifest from its registration, found none",
            hint="register the model again",
        )

    def files(self, record: VersionRecord) -> StoredFiles:
        """Open a version's files in their store.

        Raises:
            ArtifactError: they lie where the platform cannot write.
        """
        uri = self.registry.files.files_uri(record)
        found = open_files(self.settings, uri)
        if found is None:
            raise ArtifactError(f"{record.ref}: expected files in a folder or S3, found {uri}")
        return found
