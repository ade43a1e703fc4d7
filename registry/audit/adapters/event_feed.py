"""Finds the requests with recent events; asked often, so it never reads the events' data."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from registry.adapters import tables

_event = tables.event.c


def last_event_id(connection: Connection) -> int:
    """Return the id of the newest event; 0 when there is none."""
    return int(connection.execute(select(func.max(_event.id))).scalar() or 0)


def requests_touched(connection: Connection, after_id: int) -> tuple[int, frozenset[int]]:
    """Return the newest event's id and the requests that the events after `after_id` are about."""
    query = select(_event.id, _event.request_id).where(_event.id > after_id)
    rows = connection.execute(query).all()
    newest = max((row.id for row in rows), default=after_id)
    return newest, frozenset(row.request_id for row in rows if row.request_id is not None)
