"""Reads and writes the manifests recorded at registration, each stored once."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from registry.adapters import tables
from registry.files.domain.manifest import FileEntry, Manifest

_M = tables.manifest.c
_BATCH = 500
"""Digests in one query; SQLite takes no list of any length."""
# Made once: to make them costs as much as to carry them out.
_KEEP = {
    "postgresql": postgresql.insert(tables.manifest).on_conflict_do_nothing(),
    "sqlite": sqlite.insert(tables.manifest).on_conflict_do_nothing(),
}


def keep(connection: Connection, manifest: Manifest, created_ms: int) -> str:
    """Record a manifest and return its digest; another version may keep the same at once."""
    digest = manifest.digest
    row = {"digest": digest, "document": manifest.document(), "created_ms": created_ms}
    connection.execute(_KEEP[connection.dialect.name], row)
    return digest


def find(connection: Connection, digest: str | None) -> Manifest | None:
    """Return a recorded manifest; None for no digest, or one that was never recorded."""
    return find_all(connection, [digest]).get(digest) if digest is not None else None


def find_all(connection: Connection, digests: Iterable[str]) -> dict[str, Manifest]:
    """Return recorded manifests by their digest."""
    wanted, found = sorted(set(digests)), {}
    for start in range(0, len(wanted), _BATCH):
        page = select(_M.digest, _M.document).where(_M.digest.in_(wanted[start : start + _BATCH]))
        for digest, document in connection.execute(page):
            found[str(digest)] = Manifest.read(document)
    return found


def file(connection: Connection, digest: str | None, path: str) -> FileEntry | None:
    """Return a recorded manifest's entry for one file; None when there is no such file."""
    manifest = find(connection, digest)
    return next((f for f in manifest.files if f.path == path), None) if manifest else None
