"""Measures how much space each model takes, and what sharing and compression save."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import select

from infra.stores.db import reading
from registry.adapters import tables as core
from registry.artifacts.adapters import rows
from registry.artifacts.adapters.rows import kept
from registry.artifacts.base import Kit
from registry.files.adapters import manifests
from registry.files.domain.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Usage:
    """One model's space, in bytes.

    Attributes:
        versions: whose files are kept.
        logical_bytes: the files of every version, each counted.
        stored_bytes: the same where versions of one place count once.
        unique_bytes: distinct contents.
        replica_bytes: what the replica takes for them, compressed; None without a replica.
        damaged: versions whose files differed from those registered at the last check.
    """

    name: str
    versions: int
    logical_bytes: int
    stored_bytes: int
    unique_bytes: int
    replica_bytes: int | None
    damaged: int


@dataclass(frozen=True, slots=True)
class Accounting:
    """Adds up the space."""

    kit: Kit

    def usage(self, name: str | None = None) -> list[Usage]:
        """Return the space of every model, or of one, largest first."""
        v = core.version.c
        query = select(v.uid, v.name, v.storage_place, v.manifest_digest).where(kept())
        if name is not None:
            query = query.where(v.name == name)
        by_name = defaultdict(list)
        with reading(self.kit.engine) as connection:
            for row in connection.execute(query):
                by_name[row.name].append(row)
            digests = {row.manifest_digest for found in by_name.values() for row in found}
            recorded = manifests.find_all(connection, digests)
            damaged = {check.version_uid for check in rows.damaged(connection)}
            contents = {f.sha256 for m in recorded.values() for f in m.files}
            blobs = (
                rows.blobs(connection, self.kit.replica.id, contents) if self.kit.replica else None
            )
        used = []
        for model, found in by_name.items():
            own = [recorded[row.manifest_digest] for row in found]
            places = {(row.storage_place, row.manifest_digest) for row in found}
            unique = _contents(own)
            packed = None
            if blobs is not None:
                packed = sum(blobs[sha].stored_bytes for sha in unique if sha in blobs)
            used.append(
                Usage(
                    model,
                    len(found),
                    sum(m.size_bytes for m in own),
                    sum(recorded[digest].size_bytes for _, digest in places),
                    sum(unique.values()),
                    packed,
                    sum(1 for row in found if row.uid in damaged),
                )
            )
        return sorted(used, key=lambda usage: (-usage.logical_bytes, usage.name))


def _contents(manifests: list[Manifest]) -> dict[str, int]:
    return {file.sha256: file.size_bytes for m in manifests for file in m.files}
