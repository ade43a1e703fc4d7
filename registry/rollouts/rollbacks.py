"""Aborts a rollout, or returns an endpoint to a version that served before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Engine, update

from infra.clock import to_millis
from infra.errors import UsageError
from infra.stores.db import reading, transaction
from registry.adapters import tables, version_rows
from registry.domain.reasons import Reason
from registry.domain.records import Act, Progress, Rollout, VersionRecord
from registry.domain.values import spelled
from registry.errors import GateClosedError
from registry.files.adapters import custody_rows
from registry.files.service import Files
from registry.rollouts.adapters import openings, rollout_rows
from registry.rollouts.endpoints import Endpoints
from registry.rollouts.service import Rollouts
from registry.stages.adapters import positions


@dataclass(frozen=True, slots=True)
class WayBack:
    """Says where a rollback leads.

    Attributes:
        to: the version that would serve; None when no version may.
        passed_over: versions that served after it and must not be used, and why.
    """

    to: VersionRecord | None
    passed_over: tuple[tuple[VersionRecord, Reason], ...]


@dataclass(frozen=True, slots=True)
class Rollbacks:
    """Requests and resolves rollbacks."""

    engine: Engine
    endpoints: Endpoints
    rollouts: Rollouts
    files: Files

    def request_rollback(self, name: str, actor: str, reason: str, at: datetime) -> Rollout:
        """Take an endpoint back: abort the rollout under way, else return to the previous version.

        A rollback that is under way already is left alone and returned.

        Raises:
            UsageError: no reason was given.
            GateClosedError: there is nothing to go back to, or its files are not those registered.
        """
        if not reason.strip():
            raise UsageError("expected a reason for the rollback, found none")
        self.endpoints.endpoint(name)
        with reading(self.engine) as connection:
            active = rollout_rows.active_rollout(connection, name)
        if active is not None and active.takes_back:
            return active
        if active is not None:
            return self.rollouts.save_rollout(
                active.id,
                active.revision,
                Progress(
                    "rolling_back",
                    {**active.state, "rollback_reason": reason, "rollback_actor": actor},
                    event=("rollout.rollback_requested", {"reason": reason, "actor": actor}),
                ),
                at,
            )
        return self._go_back(self.rollback_version(name), actor, reason, at)

    def way_back(self, name: str) -> WayBack:
        """Return where a rollback leads: the last version before this one that may be used."""
        passed_over: list[tuple[VersionRecord, Reason]] = []
        with reading(self.engine) as connection:
            for uid in rollout_rows.rollback_candidates(connection, name):
                record = version_rows.version_by_uid(connection, uid)
                if record is None:
                    continue
                reasons = custody_rows.unusable(connection, uid)
                if not reasons:
                    return WayBack(record, tuple(passed_over))
                passed_over.append((record, reasons[0]))
        return WayBack(None, tuple(passed_over))

    def rollback_version(self, name: str) -> VersionRecord:
        """Return the version that a rollback restores, with its stored files proven now.

        Raises:
            GateClosedError: there is none, or its files are not those registered.
        """
        way = self.way_back(name)
        if way.to is None:
            reasons = [
                replace(reason, found=f"{record.semver} {reason.found}")
                for record, reason in way.passed_over
            ]
            raise GateClosedError(
                f"{name} cannot be rolled back:", reasons or [_nothing_before(name)]
            )
        self.files.prove(way.to, "cannot come back")
        return way.to

    def _go_back(self, record: VersionRecord, actor: str, reason: str, at: datetime) -> Rollout:
        with transaction(self.engine) as connection:
            stage = positions.position(connection, record).stage
            if stage is None:
                raise GateClosedError(
                    f"{record.name} cannot be rolled back:", [_nothing_before(record.name)]
                )
            rollout_id = openings.open_rollout(
                connection,
                Act(actor, to_millis(at)),
                endpoint=record.name,
                candidate_uid=record.uid,
                candidate_from_stage=stage,
                version=record.version,
            )
            connection.execute(
                update(tables.rollout)
                .where(tables.rollout.c.id == rollout_id)
                .values(state={"rollback_reason": reason, "rollback_actor": actor})
            )
        return self.rollouts.rollout(rollout_id)


def _nothing_before(name: str) -> Reason:
    return Reason(
        "rollback.no_target",
        "a version that served before",
        f"none recorded for {name}",
        f"promote another version: acgs promote {spelled(name, 'VERSION')}",
    )
