"""Begins a new audit log where the old one can never be continued, and says so in an entry of it.

For a database that was restored from an old backup, or files that are lost for good. The old log is
kept, with its public key: it proves what it proved, and where it ended.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, text

from infra.clock import to_millis
from infra.errors import RefusedError
from infra.processes import running
from infra.secrets import FOLDER
from infra.settings import Settings
from infra.stores.db import reading, transaction
from registry.adapters import tables
from registry.audit.adapters import events
from registry.audit.merkle.adapters import leaves
from registry.audit.merkle.adapters.keys import own_key, public_file
from registry.audit.merkle.domain.note import KeyKind, VerifierKey
from registry.audit.merkle.settings import log_folder
from registry.domain.records import Act

_SQLITE_TRIGGER = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = :name"
_SQLITE_GUARD = "acgs_leaf_no_delete"


class StillRunningError(RefusedError):
    """The platform runs, and would go on with the old log's key."""

    code = "audit.still_running"


@dataclass(frozen=True, slots=True)
class Replaced:
    """An audit log that ended.

    Attributes:
        origin: its name.
        size: of its last checkpoint, as the database remembers it.
        root: of that, hex.
        folder: where its files are kept now; None if there were none.
        public_key: file of its public key.
    """

    origin: str
    size: int
    root: str
    folder: Path | None
    public_key: Path


def replaced(engine: Engine, settings: Settings, at: datetime) -> Replaced:
    """Return what `replace` would end and keep; changes nothing."""
    key = own_key(settings, KeyKind.LOG).public
    with reading(engine) as connection:
        known = leaves.remembered(connection)
    folder = log_folder(settings)
    kept = folder.with_name(f"{folder.name}-ended-{to_millis(at)}")
    public = public_file(settings, KeyKind.LOG).with_name(f"audit-log-{key.id.hex()}.vkey")
    return Replaced(key.name, known.size, known.root, kept if folder.exists() else None, public)


def replace(engine: Engine, settings: Settings, act: Act, reason: str, at: datetime) -> Replaced:
    """End the log of an installation and prepare a new one, with a key and a name of its own.

    Safe to kill: until all is done, old files and new key do not fit, and nothing is signed.

    Raises:
        StillRunningError: the platform runs.
    """
    if running.live_supervisor(settings.storage_root) is not None:
        raise StillRunningError(
            "expected the platform to be stopped, found it running", hint="acgs down, then again"
        )
    ended = replaced(engine, settings, at)
    _retire_key(settings, own_key(settings, KeyKind.LOG).public, ended.public_key)
    with transaction(engine) as connection:
        _forget_leaves(connection)
        events.record(
            connection,
            "audit.log_replaced",
            act,
            name="audit",
            data={
                "reason": reason,
                "origin": ended.origin,
                "size": ended.size,
                "root": ended.root,
            },
        )
    if ended.folder is not None:
        log_folder(settings).rename(ended.folder)
    return ended


def _retire_key(settings: Settings, key: VerifierKey, public: Path) -> None:
    """Keep the old public key by its id, and the old private one out of use."""
    secret = settings.folder(FOLDER) / "audit-log.pem"
    # In this order: a public key that is missing is made again from the private one.
    os.replace(public_file(settings, KeyKind.LOG), public)
    os.replace(secret, secret.with_name(f"audit-log-{key.id.hex()}.pem"))
    own_key(settings, KeyKind.LOG)


def _forget_leaves(connection: Connection) -> None:
    """Remove the numbers of the old log; the guard against accidents is lifted meanwhile."""
    if connection.dialect.name == "sqlite":
        guard = connection.execute(text(_SQLITE_TRIGGER), {"name": _SQLITE_GUARD}).scalar()
        if guard:
            connection.execute(text(f"DROP TRIGGER {_SQLITE_GUARD}"))
        connection.execute(delete(tables.leaf))
        if guard:
            connection.exec_driver_sql(guard)
    else:
        connection.execute(text("ALTER TABLE acgs_leaf DISABLE TRIGGER USER"))
        connection.execute(delete(tables.leaf))
        connection.execute(text("ALTER TABLE acgs_leaf ENABLE TRIGGER USER"))
    connection.execute(delete(tables.log))
