"""Builds the JSON that `acgs artifact status` and `usage` show, there and over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select

from infra.component import View
from infra.settings import Settings
from infra.stores.db import reading
from registry.artifacts.adapters import rows, tables
from registry.artifacts.base import Kit
from registry.artifacts.expiry import Retaining
from registry.artifacts.replication import Replication
from registry.artifacts.settings import ArtifactSettings
from registry.artifacts.usage import Accounting
from registry.domain.records import VersionRecord
from registry.files.adapters import custody_rows
from registry.files.domain.custody import Unusable

NO_LOCK = "no object lock"


def views(settings: Settings) -> Mapping[str, View]:
    """Return the views of artifact keeping; nothing is opened until the first is read."""
    from registry.artifacts.bootstrap import open_artifacts

    artifacts = open_artifacts(settings)
    return {
        "status": lambda _asked: overview(artifacts.kit),
        "usage": lambda asked: usage(artifacts.kit, artifacts.accounting, asked.get("name")),
    }


def usage(kit: Kit, accounting: Accounting, name: str | None) -> list[dict[str, Any]]:
    """Return how much space each model takes, or one.

    Raises:
        UnknownVersionError: that one has no versions.
    """
    if name is not None:
        kit.registry.checking.require_model(name)
    return [asdict(used) for used in accounting.usage(name)]


def overview(kit: Kit) -> dict[str, Any]:
    """Return how well the files of all versions are kept."""
    replica = kit.replica
    with reading(kit.engine) as connection:
        total, distinct = rows.count(connection)
        signed = rows.count_kept(connection, tables.statement)
        held = rows.count_kept(connection, tables.object_lock, tables.object_lock.c.state == "held")
        looked = rows.count_kept(connection, tables.check)
        copied = connection.execute(
            select(func.count()).where(
                tables.replicated.c.replica == (replica.id if replica else "")
            )
        ).scalar()
        damaged = rows.damaged(connection)
        quarantined = custody_rows.quarantined(connection)
        freed = rows.tombstones(connection)
    return {
        "versions": total,
        "signed": signed,
        "scrubbed": looked,
        "damaged": [_named(kit, check.version_uid) for check in damaged],
        "quarantined": [
            f"{_named(kit, q.version_uid)}: {q.detail}"
            for q in quarantined
            if q.kind is Unusable.DAMAGED
        ],
        "replica": replica.location if replica else None,
        "manifests_in_replica": {"complete": copied, "of": distinct} if replica else None,
        "locked_by_the_store": held or NO_LOCK,
        "freed": len(freed),
        "signing_key": kit.keys.current(),
        "retention_days": kit.settings.of(ArtifactSettings).retention_days,
    }


def version_status(
    kit: Kit, replication: Replication, retention: Retaining, record: VersionRecord
) -> dict[str, Any]:
    """Return how well one version's files are kept."""
    with reading(kit.engine) as connection:
        statement = rows.statement_of(connection, record.uid)
        check = rows.checked(connection, record.uid)
        lock = rows.lock_state(connection, record.uid)
        quarantine = custody_rows.quarantine_of(connection, record.uid)
        hold = custody_rows.hold_of(connection, record.uid)
    manifest = kit.manifest(record)
    decision = next((d for d in retention.decisions() if d.uid == record.uid), None)
    return {
        "version": str(record.ref),
        "files": len(manifest.files),
        "size_bytes": manifest.size_bytes,
        "manifest_digest": manifest.digest,
        "place": record.storage_uri,
        "signed_by": statement[0].key_id if statement else None,
        "looked_at": _moment(check.checked_ms) if check else None,
        "damage": list(check.changes) if check else [],
        "quarantine": f"{quarantine.kind}: {quarantine.detail}" if quarantine else None,
        "replica": replication.is_replicated(record) if kit.replica else None,
        "object_lock": "legal hold" if lock == "held" else NO_LOCK if lock else None,
        "legal_hold": f"{hold.actor}: {hold.reason}" if hold else None,
        "retention": list(decision.reasons) if decision else [],
    }


def _named(kit: Kit, uid: str) -> str:
    return str(kit.registry.versions.version(uid).ref)


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
