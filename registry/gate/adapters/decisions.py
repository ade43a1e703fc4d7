"""Closes requests by compare-and-set, and carries out what was decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, update

from registry.adapters import mirror, tables
from registry.audit.adapters import events
from registry.domain.reasons import Reason
from registry.domain.records import Act, Request
from registry.domain.values import SYSTEM, RequestKind, RequestState, Standing
from registry.errors import VersionYankedError
from registry.gate.adapters import grants
from registry.gate.adapters.request_rows import request_record
from registry.gate.domain.decision import Granted, Refused

_R = tables.request.c


def apply(
    connection: Connection,
    request: Request,
    decision: Granted | Refused,
    at_ms: int,
    seats: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Close a request as decided and, if granted, carry out the grant.

    Args:
        connection: of the transaction that decided.
        request: that is decided.
        decision: on it.
        at_ms: when.
        seats: who gave each approval that a grant rests on, as JSON.
    """
    act = Act(SYSTEM, at_ms)
    match decision:
        case Refused(reasons):
            body: dict[str, Any] = {"reasons": [asdict(r) for r in reasons], "warnings": []}
            close(connection, request, RequestState.REFUSED, body, act)
        case Granted(warnings):
            _require_standing(connection, request)
            body = {"reasons": [], "warnings": [asdict(r) for r in warnings]}
            if seats:
                body["approvals"] = list(seats)
            if close(connection, request, RequestState.GRANTED, body, act):
                grants.carry_out(connection, request, at_ms)


def _require_standing(connection: Connection, request: Request) -> None:
    """Lock the version's row, so that nobody can yank the version while its grant is carried out.

    Raises:
        VersionYankedError: it was, since the decision looked; deciding again refuses.
    """
    v = tables.version.c
    standing = connection.execute(
        select(v.standing).where(v.uid == request.version_uid).with_for_update()
    ).scalar()
    if standing == Standing.YANKED.value:
        raise VersionYankedError(
            f"expected {request.ref} to be granted, found that it was yanked meanwhile",
            hint="ask again",
        )


def close(
    connection: Connection,
    request: Request,
    state: RequestState,
    decision: Mapping[str, Any],
    act: Act,
    *,
    mirrored: bool = True,
) -> bool:
    """Close a request by compare-and-set. Returns False if somebody else closed it first.

    `mirrored` is False where MLflow no longer has the version under the request's name.
    """
    result = connection.execute(
        update(tables.request)
        .where(_R.id == request.id, _R.state == RequestState.OPEN.value)
        .values(state=state.value, decided_ms=act.at_ms, decision=dict(decision))
    )
    if result.rowcount != 1:
        return False
    events.record(
        connection,
        f"transition_request.{state.value}",
        replace(act, request_id=request.id),
        name=request.name,
        version=request.version,
        data={
            "target": request.target.value,
            "alias": request.alias,
            "kind": request.kind.value,
            **decision,
        },
    )
    if mirrored:
        show_state(connection, request, f"{state.value} for {request.target}")
    return True


def refuse_open(connection: Connection, version_uid: str, reason: Reason, act: Act) -> None:
    """Refuse every open request about a version, in the caller's transaction."""
    _refuse_open(connection, _R.version_uid == version_uid, reason, act)


def refuse_open_of_model(connection: Connection, name: str, reason: Reason, act: Act) -> None:
    """Refuse every open request about a model's versions, in the caller's transaction."""
    v = tables.version.c
    live = select(v.uid).where(v.name == name, v.deleted_ms.is_(None))
    _refuse_open(connection, _R.version_uid.in_(live), reason, act)


def _refuse_open(
    connection: Connection, which: ColumnElement[bool], reason: Reason, act: Act
) -> None:
    open_rows = connection.execute(
        select(tables.request).where(which, _R.state == RequestState.OPEN.value)
    ).all()
    decision = {"reasons": [asdict(reason)], "warnings": []}
    for row in open_rows:
        close(
            connection,
            request_record(row),
            RequestState.REFUSED,
            decision,
            act,
            mirrored=False,
        )


def show_state(connection: Connection, request: Request, state: str) -> None:
    """Show in MLflow the state of a version's newest request, except for copies and renames."""
    if request.kind is RequestKind.TRANSITION:
        tags = {"acgs.request": f"{request.id}: {state}"}
        mirror.set_tags(connection, request.name, request.version, tags)


def note_waiting(connection: Connection, request: Request, noted: Mapping[str, Any]) -> None:
    """Record what an open request waits for, and show it."""
    connection.execute(
        update(tables.request)
        .where(_R.id == request.id, _R.state == RequestState.OPEN.value)
        .values(decision=dict(noted))
    )
    show_state(connection, request, f"pending, waiting for {noted['waiting_for']}")
