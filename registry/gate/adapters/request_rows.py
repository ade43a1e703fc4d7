"""Inserts and reads the rows of requests."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    insert,
    select,
)

from infra.identity.current import facts_of
from registry.adapters import mirror, tables
from registry.audit.adapters import events
from registry.domain.records import Act, Ask, Request
from registry.domain.values import (
    RequestKind,
    RequestState,
    Stage,
)
from registry.errors import RequestClosedError, UnknownRequestError
from registry.stages.adapters import positions

_R = tables.request.c


def insert_request(connection: Connection, ask: Ask, manifest_digest: str, at_ms: int) -> int:
    """Insert an open request and its event; one transaction makes both or neither."""
    stage = positions.position(connection, ask.version).stage
    result = connection.execute(
        insert(tables.request).values(
            kind=ask.kind.value,
            version_uid=ask.version.uid,
            name=ask.version.name,
            version=ask.version.version,
            semver=ask.version.semver,
            judged_as=ask.judged_as,
            target=ask.target.value,
            alias=ask.alias,
            from_stage=(stage or Stage.NONE).value,
            archive_existing=ask.archive_existing,
            manifest_digest=manifest_digest,
            state=RequestState.OPEN.value,
            actor=ask.actor,
            created_ms=at_ms,
            principal=facts_of(ask.actor),
        )
    )
    key = result.inserted_primary_key
    if key is None:
        raise RuntimeError("the database returned no key for an inserted request")
    request_id = int(key[0])
    if not mirror.is_shown(connection, ask.version):
        mirror.show(connection, ask.version)
    events.record(
        connection,
        "transition_request.created",
        Act(ask.actor, at_ms, request_id),
        name=ask.version.name,
        version=ask.version.version,
        data={
            "kind": ask.kind.value,
            "semver": ask.version.semver,
            "judged_as": ask.judged_as,
            "target": ask.target.value,
            "alias": ask.alias,
            "from_stage": (stage or Stage.NONE).value,
            "manifest_digest": manifest_digest,
        },
    )
    return request_id


def granted_since(connection: Connection, ask: Ask, manifest_digest: str, at_ms: int) -> int | None:
    """Return the identical transition granted at or after a moment; None if there is none.

    Copies and renames are never joined so: each uses up a grant of its own.
    """
    if ask.kind is not RequestKind.TRANSITION:
        return None
    found = connection.execute(
        select(_R.id).where(
            _R.version_uid == ask.version.uid,
            _R.kind == ask.kind.value,
            _R.judged_as == ask.judged_as,
            _R.target == ask.target.value,
            _R.alias == ask.alias,
            _R.manifest_digest == manifest_digest,
            _R.state == RequestState.GRANTED.value,
            _R.decided_ms >= at_ms,
        )
    ).scalar()
    return None if found is None else int(found)


def open_request(connection: Connection, request_id: int) -> Request:
    """Return a request that is still open.

    Raises:
        UnknownRequestError: there is none with this number.
        RequestClosedError: it was decided already.
    """
    request = find(connection, request_id)
    if request is None:
        raise UnknownRequestError(
            f"expected a request {request_id}, found none", hint="acgs request list"
        )
    if request.state is not RequestState.OPEN:
        raise RequestClosedError(
            f"expected request {request_id} to be open, found it {request.state}",
            hint=f"acgs request show {request_id}",
        )
    return request


def request_record(row: Row[Any]) -> Request:
    """Build a record from a row of `acgs_transition_request`."""
    values = dict(row._mapping)
    return Request(
        **{
            **values,
            "kind": RequestKind(values["kind"]),
            "target": Stage(values["target"]),
            "from_stage": Stage(values["from_stage"]),
            "state": RequestState(values["state"]),
            "decision": values["decision"] or {},
        }
    )


def find(connection: Connection, request_id: int) -> Request | None:
    """Return one request."""
    row = connection.execute(select(tables.request).where(_R.id == request_id)).one_or_none()
    return request_record(row) if row else None


def author(connection: Connection, version_uid: str) -> str | None:
    """Return the actor who registered a version; None where plain MLflow registered it."""
    e, v = tables.event.c, tables.version.c
    number = select(v.name, v.version, v.created_ms).where(v.uid == version_uid)
    found = connection.execute(number).one_or_none()
    if found is None:
        return None
    # Names change, and a deleted model's come again: the event's data name the version for ever.
    rows = connection.execute(
        select(e.actor, e.data)
        .where(e.type == "model_version.created", e.version == found.version)
        .where(e.at_ms == found.created_ms)
    )
    return next((row.actor for row in rows if row.data.get("uid") == version_uid), None)
