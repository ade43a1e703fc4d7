"""Reads endpoints, their rollouts, and their rollback targets."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from registry.adapters import tables
from registry.domain.records import Endpoint, Rollout
from registry.domain.values import (
    Stage,
    Standing,
)
from registry.rollouts.domain.history import Crowning, trusted

_V = tables.version.c


def endpoint(connection: Connection, name: str) -> Endpoint | None:
    """Return one endpoint."""
    row = connection.execute(
        select(tables.endpoint).where(tables.endpoint.c.name == name)
    ).one_or_none()
    return Endpoint(**row._mapping) if row else None


def endpoints(connection: Connection) -> list[Endpoint]:
    """Return every endpoint, by name."""
    rows = connection.execute(select(tables.endpoint).order_by(tables.endpoint.c.name))
    return [Endpoint(**row._mapping) for row in rows]


def rollouts(
    connection: Connection, *, active: bool = False, endpoint: str | None = None
) -> list[Rollout]:
    """Return rollouts, oldest first."""
    query = select(tables.rollout).order_by(tables.rollout.c.id)
    if active:
        query = query.where(tables.rollout.c.finished_ms.is_(None))
    if endpoint is not None:
        query = query.where(tables.rollout.c.endpoint == endpoint)
    return [rollout_record(row) for row in connection.execute(query)]


def rollout(connection: Connection, rollout_id: int) -> Rollout | None:
    """Return one rollout."""
    row = connection.execute(
        select(tables.rollout).where(tables.rollout.c.id == rollout_id)
    ).one_or_none()
    return rollout_record(row) if row else None


def rollout_record(row: Row[Any]) -> Rollout:
    """Build a record from a row of `acgs_rollout`."""
    values = dict(row._mapping)
    values["candidate_from_stage"] = Stage(values["candidate_from_stage"])
    values["reasons"] = tuple(values["reasons"])
    return Rollout(**values)


def active_rollout(connection: Connection, endpoint: str) -> Rollout | None:
    """Return the unfinished rollout of an endpoint; None if there is none."""
    found = rollouts(connection, active=True, endpoint=endpoint)
    return found[0] if found else None


def trusted_versions(connection: Connection, endpoint: str) -> tuple[str, ...]:
    """Return the versions an endpoint still trusts, oldest first; the last is stable now."""
    return trusted(
        Crowning(ro.candidate_uid, is_rollback=bool(ro.state.get("rollback_reason")))
        for ro in rollouts(connection, endpoint=endpoint)
        if ro.phase == "succeeded"
    )


def rollback_candidates(connection: Connection, endpoint: str) -> tuple[str, ...]:
    """Return the versions that a rollback may restore, newest first; never a yanked one."""
    before = trusted_versions(connection, endpoint)[:-1]
    usable = set(
        connection.execute(
            select(_V.uid).where(_V.uid.in_(before), _V.standing != Standing.YANKED.value)
        ).scalars()
    )
    return tuple(uid for uid in reversed(before) if uid in usable)


def rollback_target(connection: Connection, endpoint: str) -> str | None:
    """Return the version that a rollback of an endpoint would restore, or whose repair it needs."""
    candidates = rollback_candidates(connection, endpoint)
    q = tables.quarantine.c.version_uid
    kept_from_use = set(connection.execute(select(q).where(q.in_(candidates))).scalars())
    good = (uid for uid in candidates if uid not in kept_from_use)
    return next(good, next(iter(candidates), None))
