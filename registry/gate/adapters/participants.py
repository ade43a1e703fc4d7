"""Records who joins an open request, and what people say of it without a vote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from infra.clock import moment
from infra.identity.current import facts_of
from infra.identity.principal import actor_key
from registry.adapters import tables
from registry.audit.adapters import events
from registry.domain.records import Act, Request
from registry.domain.values import SYSTEM
from registry.gate.adapters import request_rows

_E, _R = tables.event.c, tables.request.c


def parts(connection: Connection, request: Request) -> dict[str, str]:
    """Return the key of each person whose approval never counts, with what they did."""
    author = request_rows.author(connection, request.version_uid)
    found = {} if author is None else {actor_key(author): "registered it"}
    return {**found, **dict.fromkeys(asked(connection, request), "asked for it")}


def asked(connection: Connection, request: Request) -> set[str]:
    """Return the keys of everybody who asked for a request: who made it, and who joined it."""
    joined = _said(connection, request.id, "transition_request.joined")
    everybody = [
        (request.actor, request.principal),
        *((e["actor"], e["principal"]) for e in joined),
    ]
    return {(principal or {}).get("key") or actor_key(actor) for actor, principal in everybody}


def join(connection: Connection, request: Request, actor: str, at_ms: int) -> None:
    """Record that somebody asked for an open request too; once for each person."""
    principal = facts_of(actor)
    key = (principal or {}).get("key") or actor_key(actor)
    if key not in asked(connection, request):
        _event(connection, "transition_request.joined", request, Act(actor, at_ms, request.id), {})


def comment(connection: Connection, request: Request, act: Act, text: str) -> None:
    """Record a comment, which is an event and nothing else."""
    _event(connection, "transition_request.commented", request, act, {"comment": text})


def comments(connection: Connection, request_id: int) -> Sequence[RowMapping]:
    """Return the comments on a request, oldest first: `actor`, `at_ms`, `data`."""
    return _said(connection, request_id, "transition_request.commented")


def remind(
    connection: Connection, request: Request, ends_ms: int, waiting_for: str, at_ms: int
) -> None:
    """Record once that an open request expires soon."""
    reminded = connection.execute(
        update(tables.request)
        .where(_R.id == request.id, _R.reminded_ms.is_(None))
        .values(reminded_ms=at_ms)
    )
    if reminded.rowcount:
        data = {"expires_at": moment(ends_ms), "waiting_for": waiting_for}
        act = Act(SYSTEM, at_ms, request.id)
        _event(connection, "transition_request.expires_soon", request, act, data)


def _said(connection: Connection, request_id: int, type: str) -> Sequence[RowMapping]:
    # Few events are of these types, which have an index; a request's number has none.
    found = connection.execute(
        select(_E.actor, _E.principal, _E.at_ms, _E.data)
        .where(_E.type == type, _E.request_id == request_id)
        .order_by(_E.id)
    )
    return found.mappings().all()


def _event(
    connection: Connection, type: str, request: Request, act: Act, data: dict[str, Any]
) -> None:
    events.record(connection, type, act, name=request.name, version=request.version, data=data)
