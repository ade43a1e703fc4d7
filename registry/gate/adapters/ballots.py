"""Writes and reads ballots: what people said about a request, and what became of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from infra.clock import moment
from registry.adapters import tables
from registry.audit.adapters import events
from registry.domain.records import Act, Request
from registry.domain.values import SYSTEM
from registry.gate.adapters import delegation_rows
from registry.gate.adapters.principals import principal_of
from registry.gate.domain.delegation import Delegation
from registry.gate.domain.votes import Ballot, End, Ending, ScreenDigests, Shown

_A = tables.approval.c


def insert_ballot(connection: Connection, request: Request, ballot: Ballot) -> None:
    """Insert a ballot and its event."""
    shown = asdict(ballot.shown) if ballot.shown else None
    screen = asdict(ballot.screen) if ballot.screen else None
    connection.execute(
        insert(tables.approval).values(
            request_id=request.id,
            actor=ballot.actor,
            approved=ballot.approved,
            comment=ballot.comment,
            manifest_digest=request.manifest_digest,
            created_ms=ballot.given_ms,
            principal=ballot.principal.facts() if ballot.principal else None,
            person=hashlib.sha256(f"{ballot.voter}\0{ballot.owner}".encode()).hexdigest(),
            delegation_id=ballot.delegation.id if ballot.delegation else None,
            shown=shown,
            screen=screen,
        )
    )
    data: dict[str, Any] = {
        "comment": ballot.comment,
        "manifest_digest": request.manifest_digest,
        "shown": shown,
        "screen": screen,
    }
    _event(
        connection,
        "approval.given" if ballot.approved else "approval.rejected",
        request,
        Act(ballot.actor, ballot.given_ms, request.id),
        {**data, **_lent(ballot)},
    )


def end(connection: Connection, request: Request, ballot: Ballot, ending: Ending, act: Act) -> None:
    """End an approval, with its event; does nothing to one that has ended."""
    ended = connection.execute(
        update(tables.approval)
        .where(_A.id == ballot.id, _A.ended.is_(None))
        .values(ended=ending.kind.value, ended_because=ending.why, ended_ms=act.at_ms)
    )
    if not ended.rowcount:
        return
    data = {"approver": ballot.actor, "reason": ending.why, **_lent(ballot)}
    match ending.kind:
        case End.WITHDRAWN:
            _event(connection, "approval.withdrawn", request, act, data)
        case End.VOID:
            _event(connection, "approval.voided", request, act, data)
        case End.EXPIRED:
            _event(connection, "approval.expired", request, act, data)


def end_all(
    connection: Connection,
    request: Request,
    ended: Iterable[tuple[Ballot, Ending]],
    at_ms: int,
) -> None:
    """End the approvals that were found to count no more, each with its event."""
    for ballot, ending in ended:
        end(connection, request, ballot, ending, Act(SYSTEM, at_ms, request.id))


def remind(
    connection: Connection, request: Request, ballot: Ballot, ends_ms: int, at_ms: int
) -> None:
    """Record once that an approval expires soon."""
    reminded = connection.execute(
        update(tables.approval)
        .where(_A.id == ballot.id, _A.reminded_ms.is_(None))
        .values(reminded_ms=at_ms)
    )
    if reminded.rowcount:
        data = {"approver": ballot.actor, "expires_at": moment(ends_ms), **_lent(ballot)}
        _event(connection, "approval.expires_soon", request, Act(SYSTEM, at_ms, request.id), data)


def ballots(connection: Connection, request_id: int) -> tuple[Ballot, ...]:
    """Return every ballot on a request, oldest first, with those that ended."""
    rows = connection.execute(
        select(tables.approval).where(_A.request_id == request_id).order_by(_A.id)
    ).all()
    lent = delegation_rows.numbered(
        connection, [row.delegation_id for row in rows if row.delegation_id is not None]
    )
    return tuple(_ballot(row, lent) for row in rows)


def _ballot(row: Row[Any], lent: Mapping[int, Delegation]) -> Ballot:
    return Ballot(
        actor=row.actor,
        approved=row.approved,
        comment=row.comment,
        shown=Shown(**row.shown) if row.shown else None,
        given_ms=row.created_ms,
        principal=principal_of(row.principal),
        # A vote whose delegation is gone must not become the voter's own.
        delegation=None if row.delegation_id is None else lent[row.delegation_id],
        ended=Ending(End(row.ended), row.ended_because) if row.ended else None,
        reminded=row.reminded_ms is not None,
        id=row.id,
        screen=ScreenDigests(**row.screen) if row.screen else None,
    )


def _lent(ballot: Ballot) -> dict[str, Any]:
    lent = ballot.delegation
    return {"for": lent.lender.name, "delegation": lent.id} if lent else {}


def _event(
    connection: Connection, type: str, request: Request, act: Act, data: Mapping[str, Any]
) -> None:
    events.record(connection, type, act, name=request.name, version=request.version, data=data)
