"""Reads the audit trail and plans each event's tags exactly once, even if the process is killed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, delete, exists, func, insert, select, update

from infra.clock import to_millis
from infra.settings import Settings
from infra.stores.db import reading, transaction
from registry.adapters import tables as core
from registry.audit.adapters.event_feed import last_event_id
from registry.domain.records import Event
from registry.git.adapters import book as books
from registry.git.adapters import tables
from registry.git.adapters.book import Book
from registry.git.event_follower import TYPES, Follower
from registry.git.settings import GitSettings
from registry.governance.adapters import governance_file

BATCH = 200
LATEST_COMMIT_SECONDS = 600.0
"""Longest that a transaction may take to become visible after one with a larger event id."""

_E = core.event.c
_D = tables.event.c
_S = tables.state.c


def take_in(engine: Engine, settings: Settings, now: datetime) -> int:
    """Plan the tags of the next events, in one transaction; return how many events there were.

    Raises:
        ConstitutionError: which names are governed cannot be read.
    """
    governance = governance_file.load(settings)
    email = settings.of(GitSettings).email
    now_ms = to_millis(now)
    with transaction(engine) as connection:
        books.lock(connection)
        found = _next(connection)
        follower = Follower(connection, Book(connection, email, now_ms), governance)
        for event in found:
            outcome = follower.follow(event)
            connection.execute(
                insert(tables.event).values(
                    event_id=event.id, outcome=outcome, detail=event.type, seen_ms=now_ms
                )
            )
        if len(found) < BATCH:
            _advance(connection, now_ms)
    return len(found)


def settle(engine: Engine, settings: Settings, now: datetime) -> int:
    """Plan what the registry's state needs and no event reported; return how many tags.

    Call it when `take_in` found nothing more.
    """
    governance = governance_file.load(settings)
    with transaction(engine) as connection:
        books.lock(connection)
        if _next(connection):
            return 0
        book = Book(connection, settings.of(GitSettings).email, to_millis(now))
        return Follower(connection, book, governance).settle()


def waiting(engine: Engine) -> tuple[int, int | None]:
    """Return how many events are not followed yet, and the time of the oldest."""
    with reading(engine) as connection:
        unread = _unread(connection).subquery()
        row = connection.execute(select(func.count(), func.min(unread.c.at_ms))).one()
        return int(row[0]), row[1]


def newest(engine: Engine) -> int:
    """Return the newest event's id, from an index."""
    with reading(engine) as connection:
        return last_event_id(connection)


def _unread(connection: Connection) -> Select[Any]:
    cursor = connection.execute(select(_S.cursor).where(_S.id == 1)).scalar_one()
    return select(core.event).where(
        _E.id > cursor, _E.type.in_(sorted(TYPES)), ~exists().where(_D.event_id == _E.id)
    )


def _next(connection: Connection) -> list[Event]:
    rows = connection.execute(_unread(connection).order_by(_E.id).limit(BATCH))
    return [Event(**row._mapping) for row in rows]


def _advance(connection: Connection, now_ms: int) -> None:
    """Move the cursor past the handled events, and forget those behind it."""
    settled = connection.execute(
        select(func.max(_D.event_id)).where(_D.seen_ms < now_ms - int(LATEST_COMMIT_SECONDS * 1000))
    ).scalar()
    if settled is None:
        return
    connection.execute(update(tables.state).where(_S.id == 1).values(cursor=settled))
    connection.execute(delete(tables.event).where(_D.event_id <= settled, _D.outcome != "refused"))
