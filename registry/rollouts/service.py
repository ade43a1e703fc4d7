"""Records the progress of rollouts, as facts in the registry.

How traffic moves is the serving package's business. What the registry says about it (stage,
alias, audit) changes here, each time in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from infra.clock import to_millis
from infra.errors import ConflictError
from infra.stores.db import reading, transaction
from registry.adapters import mirror, tables, version_rows
from registry.audit.adapters import events
from registry.domain.reasons import Reason
from registry.domain.records import Act, Progress, Rollout, VersionRecord
from registry.domain.values import SYSTEM, Stage
from registry.errors import GateClosedError, UnknownEndpointError
from registry.files.adapters import custody_rows
from registry.rollouts.adapters import rollout_rows
from registry.stages.adapters import moves, positions, tenures

_RO = tables.rollout.c


class RolloutMovedError(ConflictError):
    """Somebody else changed the rollout since it was read."""

    code = "registry.rollout_moved"


@dataclass(frozen=True, slots=True)
class Rollouts:
    """Moves versions towards an endpoint's traffic."""

    engine: Engine

    def rollout(self, rollout_id: int) -> Rollout:
        """Return one rollout.

        Raises:
            UnknownEndpointError: there is none with this number.
        """
        with reading(self.engine) as connection:
            found = rollout_rows.rollout(connection, rollout_id)
        if found is None:
            raise UnknownEndpointError(
                f"expected a rollout {rollout_id}, found none", hint="acgs rollout list"
            )
        return found

    def rollouts(self, endpoint: str | None = None) -> Sequence[Rollout]:
        """Return rollouts, oldest first."""
        with reading(self.engine) as connection:
            return rollout_rows.rollouts(connection, endpoint=endpoint)

    def active_rollouts(self) -> Sequence[Rollout]:
        """Return the unfinished rollouts, oldest first."""
        with reading(self.engine) as connection:
            return rollout_rows.rollouts(connection, active=True)

    def save_rollout(
        self, rollout_id: int, expected_revision: int, progress: Progress, at: datetime
    ) -> Rollout:
        """Save a rollout's progress by compare-and-set on its revision.

        Raises:
            RolloutMovedError: its revision is not the expected one, or it is finished.
        """
        at_ms = to_millis(at)
        with transaction(self.engine) as connection:
            result = connection.execute(
                update(tables.rollout)
                .where(
                    _RO.id == rollout_id,
                    _RO.revision == expected_revision,
                    _RO.finished_ms.is_(None),
                )
                .values(
                    phase=progress.phase, state=dict(progress.state), revision=expected_revision + 1
                )
            )
            if result.rowcount != 1:
                raise RolloutMovedError(
                    f"expected rollout {rollout_id} at revision {expected_revision}, "
                    "found it changed or finished",
                    hint="read it again",
                )
            if progress.measurement is not None:
                connection.execute(
                    insert(tables.measurement).values(
                        rollout_id=rollout_id, at_ms=at_ms, data=dict(progress.measurement)
                    )
                )
            rollout = rollout_rows.rollout(connection, rollout_id)
            if rollout is None:
                raise RuntimeError(f"rollout {rollout_id} vanished inside its transaction")
            if progress.traffic is not None:
                tenures.share_traffic(connection, rollout.endpoint, progress.traffic, at_ms)
            if progress.event is not None:
                type, data = progress.event
                measured = {"measured": progress.measurement} if progress.measurement else {}
                self._event(connection, rollout, type, {**data, **measured}, at_ms)
        return rollout

    def complete_rollout(self, rollout_id: int, at: datetime) -> Rollout:
        """Make the candidate the champion: alias, stages, endpoint and audit move together.

        Does nothing to a rollout that is finished already.

        Raises:
            GateClosedError: the candidate was quarantined meanwhile.
        """
        at_ms = to_millis(at)
        with transaction(self.engine) as connection:
            rollout = self._finish(connection, rollout_id, "succeeded", (), at_ms)
            if rollout is None:
                return self.rollout(rollout_id)
            candidate = _candidate(connection, rollout)
            reasons = custody_rows.unusable(connection, candidate.uid)
            if reasons:
                raise GateClosedError(f"{candidate.ref} cannot be promoted:", reasons)
            stage = positions.position(connection, candidate).stage
            if stage is None:
                raise ConflictError(f"{candidate.ref} was deleted while it was rolled out")
            act = Act(SYSTEM, at_ms, rollout.request_id)
            name, version = candidate.name, candidate.version
            moves.move_stage(connection, name, version, stage, Stage.PRODUCTION, act)
            moves.crown(connection, name, version, act)
            connection.execute(
                update(tables.endpoint)
                .where(tables.endpoint.c.name == rollout.endpoint)
                .values(stable_uid=rollout.candidate_uid, stable_since_ms=at_ms)
            )
            tenures.share_traffic(connection, rollout.endpoint, {rollout.candidate_uid: 100}, at_ms)
            measured = _measured(connection, rollout)
            self._event(connection, rollout, "rollout.promoted", measured, at_ms)
            mirror.set_tags(
                connection,
                candidate.name,
                candidate.version,
                {"acgs.rollout": f"{rollout_id}: succeeded"},
            )
        return self.rollout(rollout_id)

    def fail_rollout(self, rollout_id: int, reasons: Sequence[Reason], at: datetime) -> Rollout:
        """Return the candidate to its former stage; the champion stays.

        Does nothing to a rollout that is finished already.
        """
        at_ms = to_millis(at)
        with transaction(self.engine) as connection:
            rollout = self._finish(connection, rollout_id, "rolled_back", reasons, at_ms)
            if rollout is None:
                return self.rollout(rollout_id)
            endpoint = rollout_rows.endpoint(connection, rollout.endpoint)
            stable_uid = endpoint.stable_uid if endpoint else None
            tenures.share_traffic(
                connection, rollout.endpoint, {stable_uid: 100} if stable_uid else {}, at_ms
            )
            candidate = _candidate(connection, rollout)
            stage = positions.position(connection, candidate).stage
            # What was in Production before its rollout (a champion's first endpoint) stays there.
            if stage is Stage.PRODUCTION is not rollout.candidate_from_stage:
                moves.move_stage(
                    connection,
                    candidate.name,
                    candidate.version,
                    Stage.PRODUCTION,
                    rollout.candidate_from_stage,
                    Act(SYSTEM, at_ms, rollout.request_id),
                )
            self._event(
                connection,
                rollout,
                "rollout.rolled_back",
                {
                    "reasons": [asdict(reason) for reason in reasons],
                    **_measured(connection, rollout),
                },
                at_ms,
            )
            why = reasons[0].rule if reasons else "by hand"
            mirror.set_tags(
                connection,
                candidate.name,
                candidate.version,
                {"acgs.rollout": f"{rollout_id}: rolled back ({why})"},
            )
        return self.rollout(rollout_id)

    def _finish(
        self,
        connection: Connection,
        rollout_id: int,
        phase: str,
        reasons: Sequence[Reason],
        at_ms: int,
    ) -> Rollout | None:
        """Close a rollout by compare-and-set; None when it is already closed."""
        result = connection.execute(
            update(tables.rollout)
            .where(_RO.id == rollout_id, _RO.finished_ms.is_(None))
            .values(
                phase=phase,
                finished_ms=at_ms,
                reasons=[asdict(reason) for reason in reasons],
                revision=_RO.revision + 1,
            )
        )
        return rollout_rows.rollout(connection, rollout_id) if result.rowcount == 1 else None

    def _event(
        self,
        connection: Connection,
        rollout: Rollout,
        type: str,
        data: Mapping[str, Any],
        at_ms: int,
    ) -> None:
        candidate = _candidate(connection, rollout)
        events.record(
            connection,
            type,
            Act(str(data.get("actor") or SYSTEM), at_ms, rollout.request_id),
            name=candidate.name,
            version=candidate.version,
            data={"rollout_id": rollout.id, "semver": candidate.semver, **data},
        )


def _measured(connection: Connection, rollout: Rollout) -> dict[str, Any]:
    """Return what was measured last, for the event: the audit log proves events alone."""
    m = tables.measurement.c
    newest = select(m.data).where(m.rollout_id == rollout.id).order_by(m.id.desc()).limit(1)
    found = connection.execute(newest).scalar()
    return {"measured": found} if found is not None else {}


def _candidate(connection: Connection, rollout: Rollout) -> VersionRecord:
    record = version_rows.version_by_uid(connection, rollout.candidate_uid)
    if record is None:
        raise RuntimeError(f"rollout {rollout.id} names a version that was never registered")
    return record
