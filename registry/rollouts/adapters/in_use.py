"""Finds the endpoint or rollout that needs a version."""

from __future__ import annotations

from sqlalchemy import Connection

from registry.domain.reasons import Reason
from registry.domain.records import VersionRecord
from registry.rollouts.adapters import rollout_rows


def serving(connection: Connection, record: VersionRecord) -> list[Reason]:
    """Say which endpoint or rollout needs a version; empty when none does."""
    endpoint = rollout_rows.endpoint(connection, record.name)
    if endpoint is None:
        return []
    active = rollout_rows.active_rollout(connection, record.name)
    if active is not None and record.uid in {active.candidate_uid, active.stable_uid}:
        return [
            Reason(
                "rollout.needs_version",
                "no rollout that needs it",
                f"rollout {active.id} is under way",
                f"wait for it, or: acgs rollback {record.name} --reason ...",
            )
        ]
    if endpoint.stable_uid == record.uid:
        return [
            Reason(
                "endpoint.serves_version",
                "a version that serves nowhere",
                f"endpoint {endpoint.name} serves it",
                f"promote another version, or: acgs rollback {record.name} --reason ...",
            )
        ]
    return []
