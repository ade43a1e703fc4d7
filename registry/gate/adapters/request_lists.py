"""Lists requests, page by page, by what they ask for."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from registry.adapters import tables
from registry.domain.records import Ask, Request
from registry.domain.values import RequestState
from registry.gate.adapters import request_rows

_R = tables.request.c


def requests(
    connection: Connection,
    *,
    state: RequestState | None = None,
    name: str | None = None,
    version_uid: str | None = None,
    after_id: int = 0,
    limit: int | None = None,
) -> list[Request]:
    """Return requests, oldest first, starting after a number."""
    query = select(tables.request).where(_R.id > after_id).order_by(_R.id)
    if state is not None:
        query = query.where(_R.state == state.value)
    if name is not None:
        query = query.where(_R.name == name)
    if version_uid is not None:
        query = query.where(_R.version_uid == version_uid)
    if limit is not None:
        query = query.limit(limit)
    return [request_rows.request_record(row) for row in connection.execute(query)]


def matching(connection: Connection, ask: Ask, state: RequestState) -> list[Request]:
    """Return the requests in a state that ask for exactly this, oldest first."""
    rows = connection.execute(
        select(tables.request)
        .where(
            _R.version_uid == ask.version.uid,
            _R.kind == ask.kind.value,
            _R.judged_as == ask.judged_as,
            _R.target == ask.target.value,
            _R.alias == ask.alias,
            _R.state == state.value,
        )
        .order_by(_R.id)
    )
    return [request_rows.request_record(row) for row in rows]


def numbered(connection: Connection, ids: Sequence[int]) -> list[Request]:
    """Return the requests with these numbers."""
    rows = connection.execute(select(tables.request).where(_R.id.in_(ids)))
    return [request_rows.request_record(row) for row in rows]
