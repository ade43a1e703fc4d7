"""Writes and reads what voters were shown, by digest.

In the database, and not as files: a screen is kept in the transaction of its vote, so that neither
is there without the other, and a backup of the audit trail has both.
"""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Connection, insert, select

from registry.adapters import tables
from registry.domain.canonical import bytes_digest
from registry.gate.domain.votes import Screen, ScreenDigests
from registry.gate.errors import ScreenDamagedError

_VOTES = ("approval.given", "approval.rejected")


def keep(connection: Connection, screen: Screen | None, at_ms: int) -> ScreenDigests | None:
    """Keep a screen, with the model locked, and return its digests."""
    if screen is None:
        return None
    digests = screen.digests
    for digest, body in ((digests.facts, screen.facts), (digests.page, screen.page)):
        if _body(connection, digest) is None:
            values = {"digest": digest, "body": body, "kept_ms": at_ms}
            connection.execute(insert(tables.screen).values(values))
    return digests


def read(connection: Connection, digest: str) -> bytes:
    """Return what is kept under a digest.

    Raises:
        ScreenDamagedError: it is missing, or has another digest.
    """
    body = _body(connection, digest)
    if body is None or bytes_digest(body) != digest:
        found = "none" if body is None else bytes_digest(body)
        raise ScreenDamagedError(
            f"expected what was shown, {digest}, found {found}",
            hint="somebody changed the table acgs_screen: restore it from a backup",
        )
    return body


def is_told(connection: Connection, request_id: int, digests: ScreenDigests) -> bool:
    """Return whether an event of a vote on the request names these digests."""
    e = tables.event.c
    told = connection.execute(
        select(e.data).where(e.type.in_(_VOTES), e.request_id == request_id)
    ).scalars()
    return any(data.get("screen") == asdict(digests) for data in told)


def _body(connection: Connection, digest: str) -> bytes | None:
    found = connection.execute(
        select(tables.screen.c.body).where(tables.screen.c.digest == digest)
    ).scalar_one_or_none()
    return None if found is None else bytes(found)
