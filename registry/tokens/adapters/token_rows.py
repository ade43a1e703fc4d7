"""Inserts, reads and changes the rows of service tokens."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from infra.identity.principal import Scope
from registry.adapters import tables
from registry.tokens.domain.token import ServiceToken

_T = tables.service_token.c
# Made once: to make it costs as much as to carry it out.
_ALL = select(tables.service_token)


def add(connection: Connection, token: ServiceToken) -> None:
    """Insert a new token."""
    connection.execute(
        insert(tables.service_token).values(
            id=token.id,
            name=token.name,
            digest=token.digest,
            names=list(token.scope.names),
            stages=list(token.scope.stages),
            verbs=list(token.scope.verbs),
            created_by=token.created_by,
            created_ms=token.created_ms,
            expires_ms=token.expires_ms,
        )
    )


def every(connection: Connection) -> list[ServiceToken]:
    """Return all tokens, oldest first."""
    rows = connection.execute(_ALL.order_by(_T.created_ms, _T.id))
    return [_token(row) for row in rows]


def find(connection: Connection, token_id: str) -> ServiceToken | None:
    """Return a token by its id."""
    row = connection.execute(_ALL.where(_T.id == token_id)).one_or_none()
    return _token(row) if row else None


def revoke(connection: Connection, token_id: str, actor: str, at_ms: int) -> bool:
    """End a token; return whether it was not revoked before."""
    done = connection.execute(
        update(tables.service_token)
        .where(_T.id == token_id, _T.revoked_ms.is_(None))
        .values(revoked_ms=at_ms, revoked_by=actor)
    )
    return bool(done.rowcount)


def note_use(connection: Connection, token_id: str, at_ms: int) -> None:
    """Keep when a token was used."""
    connection.execute(
        update(tables.service_token).where(_T.id == token_id).values(last_used_ms=at_ms)
    )


def _token(row: Row[Any]) -> ServiceToken:
    values = dict(row._mapping)
    scope = Scope(*(tuple(values.pop(part)) for part in ("names", "stages", "verbs")))
    return ServiceToken(scope=scope, **values)
