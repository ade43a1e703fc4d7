"""Reads from the database what a dossier brings along: events with their numbers, documents."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from registry.access.adapters import access_rows
from registry.adapters import tables
from registry.audit.merkle.adapters.leaves import COLUMNS
from registry.audit.merkle.domain.entry import StoredEvent, entry_of
from registry.domain.canonical import canonical_bytes, digest
from registry.dossier.domain.selection import OF_THE_PLATFORM, RENAMED

_E, _F = tables.event.c, tables.leaf.c


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event's entry of the log; `sequence` is None as long as it has no number.

    Attributes:
        entry: as the log's file has it; empty without a number.
    """

    id: int
    name: str
    type: str
    sequence: int | None
    entry: bytes


def events_of(connection: Connection, names: Collection[str], at_ms: int) -> list[Numbered]:
    """Return the events of models and of the platform up to a moment, in the order of the log."""
    query = (
        select(_F.sequence, *COLUMNS)
        .select_from(tables.event.outerjoin(tables.leaf, _F.event_id == _E.id))
        .where(_E.at_ms <= at_ms)
        .where(or_(_E.name.in_(names), _E.type.in_({*OF_THE_PLATFORM, RENAMED})))
        .order_by(_F.sequence.nulls_last(), _E.id)
    )
    return [_numbered(row[0], StoredEvent(*row[1:])) for row in connection.execute(query)]


def _numbered(sequence: int | None, event: StoredEvent) -> Numbered:
    entry = b"" if sequence is None else entry_of(event, sequence)
    return Numbered(event.id, event.name, event.type, sequence, entry)


def names_renamed(connection: Connection, name: str, at_ms: int) -> set[str]:
    """Return every name that a model may have borne: it, and those that led to it by renames."""
    rows = connection.execute(select(_E.data).where(_E.type == RENAMED, _E.at_ms <= at_ms))
    led = [(str(data.get("from_name")), str(data.get("to_name"))) for (data,) in rows]
    found, new = {name}, {name}
    while new:
        new = {before for before, after in led if after in new} - found
        found |= new
    return found


def documents(
    connection: Connection, wanted: Collection[str], request_ids: Sequence[int]
) -> dict[str, str]:
    """Return the documents of some digests that the database has, as canonical texts."""
    found: list[object] = []
    m, s = tables.manifest.c, tables.scorecard.c
    found += connection.execute(select(m.document).where(m.digest.in_(wanted))).scalars()
    found += connection.execute(select(s.document).where(s.request_id.in_(request_ids))).scalars()
    found += [adopted.document for adopted in access_rows.history(connection)]
    by_digest = {digest(document): document for document in found}
    return {
        key: canonical_bytes(document).decode()
        for key, document in by_digest.items()
        if key in wanted
    }
