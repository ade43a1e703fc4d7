"""Records what is wrong with the tags, and announces it as events where it matters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TypedDict

from sqlalchemy import Connection, func, insert, select, update

from registry.audit.adapters import events
from registry.domain.records import Act
from registry.git.adapters import tables
from registry.git.domain.names import NameRefusedError

_F = tables.finding.c
_T, _P = tables.tag.c, tables.page.c
ACTOR = "git"


class FindingKind(StrEnum):
    """What was found; the first two kinds are tampering, the others are announced only once."""

    MOVED = "tag_moved"
    DELETED = "tag_deleted"
    UNKNOWN = "tag_unknown"
    FOREIGN = "tag_foreign"
    NAME = "name_refused"
    REFUSED = "push_refused"
    COMMIT = "commit_missing"


GRAVE = frozenset({FindingKind.MOVED, FindingKind.DELETED, FindingKind.REFUSED, FindingKind.COMMIT})
"""Kinds that make the health probe fail until they are settled."""


class _About(TypedDict):
    name: str
    version: int | None
    act: Act
    data: Mapping[str, str]


class FindingPlace(StrEnum):
    """Says where something was found."""

    REGISTRY = "registry"
    LOCAL = "local"
    REMOTE = "remote"


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that is wrong with the tags.

    Attributes:
        subject: a tag's name, or a model's.
        expected, found: shown side by side; object ids where it is about a tag.
        hint: what to do.
    """

    kind: FindingKind
    place: FindingPlace
    subject: str
    expected: str
    found: str
    hint: str
    seen_ms: int = 0


def standing(connection: Connection) -> list[Found]:
    """Return every open finding, oldest first."""
    rows = connection.execute(
        select(tables.finding).where(_F.resolved_ms.is_(None)).order_by(_F.id)
    )
    return [
        Found(
            FindingKind(row.kind),
            FindingPlace(row.place),
            row.subject,
            row.expected,
            row.found,
            row.hint,
            row.seen_ms,
        )
        for row in rows
    ]


def counts(connection: Connection) -> Mapping[FindingKind, int]:
    """Return how many findings of each kind are open."""
    query = select(_F.kind, func.count()).where(_F.resolved_ms.is_(None)).group_by(_F.kind)
    return {FindingKind(kind): int(count) for kind, count in connection.execute(query)}


def note(connection: Connection, found: Found, now_ms: int) -> bool:
    """Record a finding, or what has changed of it; return whether the finding is new."""
    same = (
        _F.kind == found.kind.value,
        _F.place == found.place.value,
        _F.subject == found.subject[:300],
        _F.resolved_ms.is_(None),
    )
    details = {"expected": found.expected, "found": found.found, "hint": found.hint}
    changed = connection.execute(update(tables.finding).where(*same).values(**details))
    if changed.rowcount:
        return False
    values = {**asdict(found), "subject": found.subject[:300], "seen_ms": now_ms}
    connection.execute(insert(tables.finding).values(**values))
    if found.kind in (FindingKind.MOVED, FindingKind.DELETED, FindingKind.UNKNOWN):
        _record(connection, found, now_ms)
    return True


def _record(connection: Connection, found: Found, now_ms: int) -> None:
    name, version = about(connection, found.subject)
    about_it: _About = {
        "name": name,
        "version": version,
        "act": Act(ACTOR, now_ms),
        "data": {
            "tag": found.subject,
            "place": found.place.value,
            "expected": found.expected,
            "found": found.found,
        },
    }
    match found.kind:
        case FindingKind.MOVED:
            events.record(connection, "git.tag_moved", **about_it)
        case FindingKind.DELETED:
            events.record(connection, "git.tag_deleted", **about_it)
        case _:
            events.record(connection, "git.tag_unknown", **about_it)


def restored(
    connection: Connection, tag: str, place: FindingPlace, object_id: str, now_ms: int
) -> None:
    """Record that a moved or deleted tag is back as it was."""
    name, version = about(connection, tag)
    data = {"tag": tag, "place": place.value, "object_id": object_id}
    events.record(
        connection, "git.tag_restored", Act(ACTOR, now_ms), name=name, version=version, data=data
    )


def about(connection: Connection, tag: str) -> tuple[str, int | None]:
    """Return the model and the version number that one of the platform's tags is about."""
    query = select(_P.name, _P.number).join(tables.tag, _T.page_id == _P.id).where(_T.name == tag)
    row = connection.execute(query).one_or_none()
    # A name of the audit trail holds 256 characters; a tag's may be longer.
    return (row.name, row.number) if row else (tag[:256], None)


def settle(
    connection: Connection,
    kinds: Iterable[FindingKind],
    place: FindingPlace,
    still: Iterable[str],
    now_ms: int,
) -> None:
    """Close the findings of these kinds at a place, except for the subjects still found."""
    kept = {subject[:300] for subject in still}
    rows: Sequence[tuple[int, str]] = [
        (row.id, row.subject)
        for row in connection.execute(
            select(_F.id, _F.subject).where(
                _F.kind.in_([kind.value for kind in kinds]),
                _F.place == place.value,
                _F.resolved_ms.is_(None),
            )
        )
    ]
    gone = [key for key, subject in rows if subject not in kept]
    for start in range(0, len(gone), 500):
        connection.execute(
            update(tables.finding)
            .where(_F.id.in_(gone[start : start + 500]))
            .values(resolved_ms=now_ms)
        )


def name_refused(connection: Connection, name: str, error: NameRefusedError, now_ms: int) -> None:
    """Record that a model has no tags because no tag can hold its name."""
    found = Found(
        FindingKind.NAME,
        FindingPlace.REGISTRY,
        name,
        "a name that a git tag can hold",
        error.message,
        error.hint or "",
    )
    note(connection, found, now_ms)
