"""Reads and writes the component's tables, and reads what it needs from the registry's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from registry.adapters import tables as core
from registry.adapters import version_rows
from registry.artifacts.adapters import tables
from registry.artifacts.adapters.blobs import Blob
from registry.artifacts.adapters.compression import Encoding
from registry.artifacts.domain.statement import Envelope
from registry.domain.records import VersionRecord

_V = core.version.c
_S = tables.statement.c
_C = tables.check.c
_B = tables.blob.c
_P = tables.replicated.c
_F = tables.freed.c
_BATCH = 500


@dataclass(frozen=True, slots=True)
class FileCheck:
    """Says what the last check of a version's files found."""

    version_uid: str
    checked_ms: int
    ok: bool
    changes: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Freed:
    """The tombstone of a version's files."""

    version_uid: str
    manifest_digest: str
    storage_uri: str
    size_bytes: int
    proof: Mapping[str, Any]
    decided_ms: int
    done_ms: int | None


def kept() -> ColumnElement[bool]:
    """Return the condition for a live version with known files that were not freed."""
    return (
        _V.deleted_ms.is_(None)
        & _V.manifest_digest.is_not(None)
        & _V.uid.not_in(select(_F.version_uid))
    )


def versions(
    connection: Connection, name: str | None = None, after_uid: str = "", limit: int = _BATCH
) -> list[VersionRecord]:
    """Return a page of the versions whose files are kept, ordered by identity."""
    query = select(core.version).where(kept(), _V.uid > after_uid)
    if name is not None:
        query = query.where(_V.name == name)
    rows = connection.execute(query.order_by(_V.uid).limit(limit))
    return [version_rows.version_record(row) for row in rows]


def count(connection: Connection, name: str | None = None) -> tuple[int, int]:
    """Return how many versions are kept, and how many distinct manifests they have."""
    query = select(func.count(), func.count(_V.manifest_digest.distinct())).where(kept())
    if name is not None:
        query = query.where(_V.name == name)
    total, distinct = connection.execute(query).one()
    return int(total), int(distinct)


def count_kept(connection: Connection, table: Table, *more: ColumnElement[bool]) -> int:
    """Return how many of the versions that `count` counts have a row in another table."""
    query = select(func.count()).select_from(table)
    joined = query.join(core.version, _V.uid == table.c.version_uid).where(kept(), *more)
    return int(connection.execute(joined).scalar_one())


def without_statement(connection: Connection, limit: int) -> list[VersionRecord]:
    """Return versions that have no signed statement yet."""
    return _missing(connection, tables.statement, _S.version_uid, limit)


def without_lock(connection: Connection, limit: int) -> list[VersionRecord]:
    """Return versions whose objects are not locked yet."""
    return _missing(connection, tables.object_lock, tables.object_lock.c.version_uid, limit)


def _missing(connection: Connection, table: Any, uid: Any, limit: int) -> list[VersionRecord]:
    rows = connection.execute(
        select(core.version)
        .outerjoin(table, uid == _V.uid)
        .where(kept(), uid.is_(None))
        .order_by(_V.created_ms)
        .limit(limit)
    )
    return [version_rows.version_record(row) for row in rows]


def not_replicated(
    connection: Connection, replica: str, passed_over: Iterable[str], limit: int
) -> list[VersionRecord]:
    """Return versions with files that are not in the replica."""
    rows = connection.execute(
        select(core.version)
        .outerjoin(
            tables.replicated,
            (_P.manifest_digest == _V.manifest_digest) & (_P.replica == replica),
        )
        .where(kept(), _P.manifest_digest.is_(None), _V.uid.not_in(list(passed_over)[:_BATCH]))
        .order_by(_V.created_ms)
        .limit(limit)
    )
    return [version_rows.version_record(row) for row in rows]


def due_for_check(
    connection: Connection, before_ms: int, passed_over: Iterable[str], limit: int
) -> list[VersionRecord]:
    """Return versions never checked, or not since a moment; those that waited longest first."""
    rows = connection.execute(
        select(core.version)
        .outerjoin(tables.check, _C.version_uid == _V.uid)
        .where(
            kept(),
            or_(_C.checked_ms.is_(None), _C.checked_ms < before_ms),
            _V.uid.not_in(list(passed_over)[:_BATCH]),
        )
        .order_by(func.coalesce(_C.checked_ms, 0), _V.created_ms)
        .limit(limit)
    )
    return [version_rows.version_record(row) for row in rows]


def statement_of(connection: Connection, uid: str) -> tuple[Envelope, str] | None:
    """Return a version's statement and the manifest digest recorded with it."""
    row = connection.execute(select(tables.statement).where(_S.version_uid == uid)).one_or_none()
    return (Envelope.read(row.envelope), str(row.manifest_digest)) if row else None


def keep_statement(
    connection: Connection, record: VersionRecord, envelope: Envelope, at_ms: int
) -> None:
    """Keep a version's first statement."""
    connection.execute(
        insert(tables.statement).values(
            version_uid=record.uid,
            manifest_digest=record.manifest_digest,
            key_id=envelope.key_id,
            envelope=envelope.document(),
            created_ms=at_ms,
        )
    )


def checked(connection: Connection, uid: str) -> FileCheck | None:
    """Return what the last check of a version found."""
    row = connection.execute(select(tables.check).where(_C.version_uid == uid)).one_or_none()
    return _checked(row) if row else None


def damaged(connection: Connection) -> list[FileCheck]:
    """Return the versions whose files differed from those registered at the last check."""
    rows = connection.execute(
        select(tables.check)
        .join(core.version, _V.uid == _C.version_uid)
        .where(_C.ok.is_(False), kept())
        .order_by(_C.checked_ms)
    )
    return [_checked(row) for row in rows]


def keep_check(connection: Connection, found: FileCheck) -> None:
    """Replace the record of a version's last check."""
    values = {
        "checked_ms": found.checked_ms,
        "ok": found.ok,
        "changes": list(found.changes),
        "size_bytes": found.size_bytes,
    }
    here = _C.version_uid == found.version_uid
    if not connection.execute(update(tables.check).where(here).values(**values)).rowcount:
        connection.execute(insert(tables.check).values(version_uid=found.version_uid, **values))


def blobs(connection: Connection, replica: str, digests: Iterable[str]) -> dict[str, Blob]:
    """Return what the replica holds of these contents."""
    return _blobs(connection, replica, digests, _B.verified_ms > 0)


def promised_blobs(connection: Connection, replica: str, digests: Iterable[str]) -> dict[str, Blob]:
    """Return what the replica should hold of these contents, lost or not."""
    return _blobs(connection, replica, digests)


def _blobs(
    connection: Connection, replica: str, digests: Iterable[str], *more: ColumnElement[bool]
) -> dict[str, Blob]:
    wanted, found = sorted(set(digests)), {}
    for start in range(0, len(wanted), _BATCH):
        page = wanted[start : start + _BATCH]
        query = select(tables.blob).where(_B.replica == replica, _B.sha256.in_(page), *more)
        for row in connection.execute(query):
            found[str(row.sha256)] = Blob(
                row.sha256, row.size_bytes, row.stored_bytes, Encoding(row.encoding)
            )
    return found


def keep_blob(connection: Connection, replica: str, blob: Blob, at_ms: int) -> None:
    """Record content that was written and read back; repeating the call changes nothing."""
    here = (_B.replica == replica) & (_B.sha256 == blob.sha256)
    values = {
        "size_bytes": blob.size_bytes,
        "stored_bytes": blob.stored_bytes,
        "encoding": blob.encoding.value,
        "verified_ms": at_ms,
    }
    if not connection.execute(update(tables.blob).where(here).values(**values)).rowcount:
        connection.execute(
            insert(tables.blob).values(
                replica=replica, sha256=blob.sha256, created_ms=at_ms, **values
            )
        )


def forget_blob(connection: Connection, replica: str, sha256: str) -> None:
    """Forget content that will be deleted from the replica."""
    connection.execute(delete(tables.blob).where(_B.replica == replica, _B.sha256 == sha256))


def lose_blob(connection: Connection, replica: str, sha256: str) -> None:
    """Record that the replica has lost a content, until it is copied there again."""
    here = (_B.replica == replica) & (_B.sha256 == sha256)
    connection.execute(update(tables.blob).where(here).values(verified_ms=0))


def keep_replicated(connection: Connection, replica: str, digest: str, at_ms: int) -> None:
    """Record that every file of a manifest is in the replica."""
    here = (_P.replica == replica) & (_P.manifest_digest == digest)
    if connection.execute(select(_P.completed_ms).where(here)).one_or_none() is None:
        connection.execute(
            insert(tables.replicated).values(
                replica=replica, manifest_digest=digest, completed_ms=at_ms
            )
        )


def forget_replicated(connection: Connection, replica: str, digest: str) -> None:
    """Record that a manifest's files are no longer all in the replica."""
    connection.execute(
        delete(tables.replicated).where(_P.replica == replica, _P.manifest_digest == digest)
    )


def is_replicated(connection: Connection, replica: str, digest: str) -> bool:
    """Return whether every file of a manifest is in the replica."""
    return (
        connection.execute(
            select(_P.completed_ms).where(_P.replica == replica, _P.manifest_digest == digest)
        ).one_or_none()
        is not None
    )


def lock_state(connection: Connection, uid: str) -> str | None:
    """Return whether the store's own lock holds a version's objects; None if nobody asked yet."""
    c = tables.object_lock.c
    state = connection.execute(select(c.state).where(c.version_uid == uid)).scalar()
    return str(state) if state is not None else None


def keep_lock(connection: Connection, uid: str, state: str, at_ms: int) -> None:
    """Record the result of locking a version's objects."""
    c = tables.object_lock.c
    connection.execute(delete(tables.object_lock).where(c.version_uid == uid))
    connection.execute(insert(tables.object_lock).values(version_uid=uid, state=state, at_ms=at_ms))


def tombstones(connection: Connection, *, unfinished: bool = False) -> Sequence[Freed]:
    """Return the tombstones, oldest first."""
    query = select(tables.freed).order_by(_F.decided_ms, _F.version_uid)
    if unfinished:
        query = query.where(_F.done_ms.is_(None))
    return [Freed(**row._mapping) for row in connection.execute(query)]


def newest_event(connection: Connection) -> int:
    """Return the number of the newest event; 0 when there is none."""
    return int(connection.execute(select(func.max(core.event.c.id))).scalar() or 0)


def _checked(row: Row[Any]) -> FileCheck:
    return FileCheck(row.version_uid, row.checked_ms, row.ok, tuple(row.changes), row.size_bytes)
