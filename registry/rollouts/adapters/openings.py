"""Opens a rollout, inside the transaction that granted it."""

from __future__ import annotations

from sqlalchemy import Connection, insert

from registry.adapters import mirror, tables
from registry.audit.adapters import events
from registry.domain.records import Act
from registry.domain.values import Stage
from registry.rollouts.adapters import rollout_rows


def open_rollout(
    connection: Connection,
    act: Act,
    *,
    endpoint: str,
    candidate_uid: str,
    candidate_from_stage: Stage,
    version: int,
) -> int:
    """Insert a pending rollout; the database allows one unfinished rollout per endpoint."""
    target = rollout_rows.endpoint(connection, endpoint)
    if target is None:
        raise RuntimeError(f"rollout for an endpoint that does not exist: {endpoint}")
    result = connection.execute(
        insert(tables.rollout).values(
            endpoint=endpoint,
            request_id=act.request_id,
            candidate_uid=candidate_uid,
            stable_uid=target.stable_uid,
            candidate_from_stage=candidate_from_stage.value,
            plan=dict(target.plan),
            phase="pending",
            state={},
            reasons=[],
            revision=0,
            created_ms=act.at_ms,
        )
    )
    key = result.inserted_primary_key
    if key is None:
        raise RuntimeError("the database returned no key for an inserted rollout")
    rollout_id = int(key[0])
    events.record(
        connection,
        "rollout.started",
        act,
        name=endpoint,
        version=version,
        data={"rollout_id": rollout_id, "plan": dict(target.plan)},
    )
    mirror.set_tags(connection, endpoint, version, {"acgs.rollout": f"{rollout_id}: started"})
    return rollout_id
