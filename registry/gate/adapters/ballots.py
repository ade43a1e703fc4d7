"""Writes ballots: what a person said about a request."""

from __future__ import annotations

from sqlalchemy import Connection, insert

from infra.identity.current import facts_of
from registry.adapters import tables
from registry.audit.adapters import events
from registry.domain.records import Act, Request
from registry.gate.domain.votes import Ballot


def insert_ballot(connection: Connection, request: Request, ballot: Ballot, at_ms: int) -> None:
    """Insert a ballot and its event."""
    connection.execute(
        insert(tables.approval).values(
            request_id=request.id,
            actor=ballot.actor,
            approved=ballot.approved,
            comment=ballot.comment,
            manifest_digest=ballot.manifest_digest,
            created_ms=at_ms,
            principal=facts_of(ballot.actor),
        )
    )
    events.record(
        connection,
        "approval.given" if ballot.approved else "approval.rejected",
        Act(ballot.actor, at_ms, request.id),
        name=request.name,
        version=request.version,
        data={"comment": ballot.comment, "manifest_digest": ballot.manifest_digest},
    )
