"""Reads and writes what protects a version's files and what keeps a version from being used.

Every function works in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, insert, or_, select

from registry.adapters import mirror, tables
from registry.audit.adapters import events
from registry.domain.reasons import Reason
from registry.domain.records import Act, VersionRecord
from registry.files.adapters import manifests
from registry.files.domain.custody import LegalHold, Protected, Quarantine, Unusable
from registry.files.domain.storage_place import ancestors, below, join

_V = tables.version.c
_Q = tables.quarantine.c
_H = tables.hold.c
TAG = "acgs.artifact"
SHOWN_CHARACTERS = 1000


def protecting(
    connection: Connection, places: Sequence[str], shared: Callable[[str], bool]
) -> Protected | None:
    """Return a registered version with files at, below or around one of these locations.

    Two index look-ups per place, however many versions there are.

    Args:
        connection: to read from.
        places: each by all its names.
        shared: whether others keep files in the folder behind a URI. Then only those files are
            protected that were registered: others go on writing theirs.
    """
    around = sorted({folder for place in places for folder in ancestors(place)})
    for row in connection.execute(_protected().where(_V.storage_place.in_(around))).all():
        uri = row.storage_uri or row.source
        if not shared(uri) or _names(connection, row, places):
            return Protected(row.name, row.version, row.semver, row.storage_place)
    inside = [
        and_(_V.storage_place >= first, _V.storage_place < end) for first, end in map(below, places)
    ]
    for row in connection.execute(_protected().where(or_(*inside)).limit(1)):
        return Protected(row.name, row.version, row.semver, row.storage_place)
    return None


def _protected() -> Select[Any]:
    return (
        select(_V.name, _V.version, _V.semver, _V.storage_place, _V.storage_uri, _V.source)
        .add_columns(_V.manifest_digest)
        .outerjoin(tables.hold, _H.version_uid == _V.uid)
        .where(or_(_V.deleted_ms.is_(None), _H.version_uid.is_not(None)))
    )


def _names(connection: Connection, row: Any, places: Sequence[str]) -> bool:
    """Return whether a version's manifest names a file at or below one of these locations."""
    manifest = manifests.find(connection, row.manifest_digest)
    if manifest is None:
        return False
    files = (join(row.storage_place, f.path) for f in manifest.files)
    touched = set(places)
    return any(not touched.isdisjoint(ancestors(file)) for file in files)


def quarantine_of(connection: Connection, uid: str) -> Quarantine | None:
    """Return the quarantine of a version; None if there is none."""
    row = connection.execute(select(tables.quarantine).where(_Q.version_uid == uid)).one_or_none()
    return _quarantine(row._mapping) if row else None


def quarantined(connection: Connection) -> list[Quarantine]:
    """Return every quarantine, oldest first."""
    rows = connection.execute(select(tables.quarantine).order_by(_Q.since_ms, _Q.version_uid))
    return [_quarantine(row._mapping) for row in rows]


def unusable(connection: Connection, uid: str) -> tuple[Reason, ...]:
    """Say why a version may be neither promoted nor deployed; empty when it may."""
    found = quarantine_of(connection, uid)
    if found is None:
        return ()
    match found.kind:
        case Unusable.DAMAGED:
            return (
                Reason(
                    "artifact.quarantined",
                    "files that are those registered",
                    f"quarantined: {found.detail}",
                    "restore the files (acgs artifact repair), or register a new version",
                ),
            )
        case Unusable.FREED:
            return (
                Reason(
                    "artifact.freed",
                    "files that are still kept",
                    found.detail,
                    "register the model again",
                ),
            )


def set_quarantine(
    connection: Connection,
    record: VersionRecord,
    kind: Unusable,
    detail: str,
    act: Act,
) -> bool:
    """Quarantine a version. Returns False if it already is, for the same reason."""
    known = quarantine_of(connection, record.uid)
    if known is not None and (known.kind, known.detail) == (kind, detail):
        return False
    connection.execute(delete(tables.quarantine).where(_Q.version_uid == record.uid))
    connection.execute(
        insert(tables.quarantine).values(
            version_uid=record.uid,
            kind=kind.value,
            detail=detail,
            actor=act.actor,
            since_ms=act.at_ms,
        )
    )
    damaged = kind is Unusable.DAMAGED
    _event(
        connection,
        "artifact.quarantined" if damaged else "artifact.freed",
        record,
        act,
        detail,
    )
    _show(connection, record, f"{kind.word}: {detail}"[:SHOWN_CHARACTERS])
    return True


def lift_quarantine(connection: Connection, record: VersionRecord, detail: str, act: Act) -> bool:
    """Lift the quarantine of a version. Returns False if there is none."""
    lifted = connection.execute(
        delete(tables.quarantine).where(
            _Q.version_uid == record.uid, _Q.kind == Unusable.DAMAGED.value
        )
    )
    if not lifted.rowcount:
        return False
    _event(connection, "artifact.released", record, act, detail)
    _show(connection, record, f"verified: {detail}"[:SHOWN_CHARACTERS])
    return True


def hold_of(connection: Connection, uid: str) -> LegalHold | None:
    """Return the legal hold on a version, if there is one."""
    row = connection.execute(select(tables.hold).where(_H.version_uid == uid)).one_or_none()
    return LegalHold(**row._mapping) if row else None


def set_hold(connection: Connection, record: VersionRecord, reason: str, act: Act) -> bool:
    """Put a legal hold on a version. Returns False if it already has one."""
    if hold_of(connection, record.uid) is not None:
        return False
    connection.execute(
        insert(tables.hold).values(
            version_uid=record.uid, reason=reason, actor=act.actor, since_ms=act.at_ms
        )
    )
    _event(connection, "artifact.held", record, act, reason)
    return True


def lift_hold(connection: Connection, record: VersionRecord, reason: str, act: Act) -> bool:
    """Lift the legal hold on a version. Returns False if there is none."""
    lifted = connection.execute(delete(tables.hold).where(_H.version_uid == record.uid))
    if not lifted.rowcount:
        return False
    _event(connection, "artifact.hold_released", record, act, reason)
    return True


def _quarantine(values: object) -> Quarantine:
    fields = dict(values)  # type: ignore[call-overload]
    return Quarantine(**{**fields, "kind": Unusable(fields["kind"])})


def _event(connection: Connection, type: str, record: VersionRecord, act: Act, detail: str) -> None:
    events.record(
        connection,
        type,
        act,
        name=record.name,
        version=record.version,
        data={
            "semver": record.semver,
            "manifest_digest": record.manifest_digest,
            "detail": detail,
        },
    )


def _show(connection: Connection, record: VersionRecord, text: str) -> None:
    if record.deleted_ms is None:
        mirror.set_tags(connection, record.name, record.version, {TAG: text})
