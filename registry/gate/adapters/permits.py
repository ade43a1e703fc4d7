"""Keeps permits: a granted copy or rename, which the caller's own operation uses up."""

from __future__ import annotations

from sqlalchemy import Connection, update

from registry.adapters import tables
from registry.domain.records import Ask
from registry.domain.values import RequestState
from registry.gate.adapters import request_lists

_R = tables.request.c


def has(connection: Connection, ask: Ask) -> bool:
    """Return whether a copy or rename was granted and not used yet."""
    return any(
        request.used_ms is None and request.manifest_digest == ask.version.manifest_digest
        for request in request_lists.matching(connection, ask, RequestState.GRANTED)
    )


def use(connection: Connection, ask: Ask, at_ms: int) -> bool:
    """Use up a permit. Returns False when there is none."""
    result = connection.execute(
        update(tables.request)
        .where(
            _R.version_uid == ask.version.uid,
            _R.kind == ask.kind.value,
            _R.judged_as == ask.judged_as,
            _R.state == RequestState.GRANTED.value,
            _R.manifest_digest == ask.version.manifest_digest,
            _R.used_ms.is_(None),
        )
        .values(used_ms=at_ms)
    )
    return result.rowcount > 0
