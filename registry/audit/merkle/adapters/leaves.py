"""Reads and writes the leaves of the audit log, and what the database remembers of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Text,
    cast,
    func,
    insert,
    select,
    text,
    update,
)

from infra.clock import Clock, utc_now
from infra.processes.leases import Leases, LeaseTable, this_process
from registry.adapters import tables
from registry.audit.merkle.domain.entry import StoredEvent

LOG = 1
"""Id of the one row of `acgs_log`, and name of the lease in it."""
LEASE_MS = 10_000

_E = tables.event.c
_F = tables.leaf.c
_L = tables.log.c

COLUMNS: tuple[ColumnElement[Any], ...] = (
    _E.id,
    _E.uid,
    _E.type,
    _E.name,
    _E.version,
    _E.request_id,
    _E.actor,
    _E.at_ms,
    # As text, not parsed: what is hashed is what is stored, and nothing stored can stop the log.
    cast(_E.data, Text),
    cast(_E.principal, Text),
)
"""An event, in the order of the fields of `StoredEvent`."""

_ADD_ARRAYS = text(
    "INSERT INTO acgs_leaf (sequence, event_id, hash) "
    "SELECT :first + place - 1, event_id, hash "
    "FROM unnest(CAST(:ids AS bigint[]), CAST(:hashes AS bytea[])) "
    "WITH ORDINALITY AS given (event_id, hash, place)"
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A numbered event.

    Attributes:
        event: None if the database has no such event any more.
    """

    sequence: int
    event_id: int
    hash: bytes
    event: StoredEvent | None


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the database remembers of the log's files.

    Attributes:
        size, root: of the last checkpoint; 0 and empty before the first. The root is hex.
        signed_ms, cosigned_ms, mirrored_ms: when, in milliseconds since the epoch.
        error: why nothing is signed at present.
        witness_error, mirror_error: why nothing is cosigned, or copied, at present.
    """

    size: int = 0
    root: str = ""
    signed_ms: int | None = None
    error: str | None = None
    cosigned_size: int = 0
    cosigned_ms: int | None = None
    witness_error: str | None = None
    mirrored_size: int = 0
    mirrored_ms: int | None = None
    mirror_error: str | None = None


def leases(engine: Engine, clock: Clock = utc_now) -> Leases:
    """Return the lease of the process that numbers events."""
    where = LeaseTable(tables.log, _L.id, _L.owner, _L.until_ms)
    return Leases(engine, where, LEASE_MS, this_process(), clock)


def remembered(connection: Connection) -> Remembered:
    """Return what the database remembers of the log."""
    columns = [_L[name] for name in Remembered.__dataclass_fields__]
    row = connection.execute(select(*columns).where(_L.id == LOG)).one_or_none()
    return Remembered() if row is None else Remembered(**row._mapping)


def remember(connection: Connection, **values: object) -> None:
    """Set fields of `Remembered`. The row exists once the lease was taken."""
    connection.execute(update(tables.log).where(_L.id == LOG).values(**values))


def last(connection: Connection) -> tuple[int, bytes] | None:
    """Return the number and hash of the last leaf; None if there is none."""
    row = connection.execute(
        select(_F.sequence, _F.hash).order_by(_F.sequence.desc()).limit(1)
    ).one_or_none()
    return None if row is None else (int(row.sequence), bytes(row.hash))


def hash_at(connection: Connection, sequence: int) -> bytes | None:
    """Return the hash of a leaf, if there is one."""
    found = connection.execute(select(_F.hash).where(_F.sequence == sequence)).scalar()
    return None if found is None else bytes(found)


def add(connection: Connection, first: int, leaves: Sequence[tuple[int, bytes]]) -> None:
    """Number events.

    Args:
        connection: of the caller's transaction.
        first: number of the first leaf.
        leaves: event id and hash of each.

    Raises:
        sqlalchemy.exc.IntegrityError: another process numbered events meanwhile.
    """
    if connection.dialect.name == "postgresql":
        # Two constants to parse instead of three for each leaf.
        ids = ",".join(str(event_id) for event_id, _ in leaves)
        hashes = ",".join(f'"\\\\x{content.hex()}"' for _, content in leaves)
        given = {"first": first, "ids": f"{{{ids}}}", "hashes": f"{{{hashes}}}"}
        connection.execute(_ADD_ARRAYS, given)
        return
    rows = [
        {"sequence": sequence, "event_id": event_id, "hash": content}
        for sequence, (event_id, content) in enumerate(leaves, first)
    ]
    connection.execute(insert(tables.leaf), rows)


def numbered(connection: Connection, start: int, limit: int) -> list[Leaf]:
    """Return leaves from a number on, with their events."""
    query = (
        select(_F.sequence, _F.event_id, _F.hash, *COLUMNS)
        .select_from(tables.leaf.outerjoin(tables.event, _E.id == _F.event_id))
        .where(_F.sequence >= start)
        .order_by(_F.sequence)
        .limit(limit)
    )
    return [
        Leaf(row[0], row[1], bytes(row[2]), None if row[3] is None else StoredEvent(*row[3:]))
        for row in connection.execute(query).all()
    ]


def every_event(connection: Connection, page: int = 5000) -> Iterator[StoredEvent]:
    """Yield every event by id, a page at a time."""
    newest = -(2**63)
    while True:
        query = select(*COLUMNS).where(_E.id > newest).order_by(_E.id).limit(page)
        rows = connection.execute(query).all()
        yield from (StoredEvent(*row) for row in rows)
        if len(rows) < page:
            return
        newest = rows[-1][0]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Events that no checkpoint covers yet.

    Attributes:
        oldest_ms: when the first of them happened; None if none waits.
    """

    count: int
    oldest_ms: int | None


def waiting(connection: Connection, size: int) -> Waiting:
    """Return the events that a checkpoint of `size` does not cover; reads those alone."""
    newest = connection.execute(select(func.max(_F.event_id))).scalar() or 0
    fresh = connection.execute(select(func.count(), func.min(_E.at_ms)).where(_E.id > newest)).one()
    unsigned = connection.execute(
        select(func.count(), func.min(_E.at_ms))
        .select_from(tables.leaf.join(tables.event, _E.id == _F.event_id))
        .where(_F.sequence >= size)
    ).one()
    times = [ms for ms in (fresh[1], unsigned[1]) if ms is not None]
    return Waiting(int(fresh[0]) + int(unsigned[0]), min(times, default=None))
