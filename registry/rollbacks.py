"""Use cases around going back: taking an endpoint to the version that served before."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update

from infra.clock import to_millis
from infra.db import reading, transaction
from infra.errors import UsageError
from registry.adapters import grants, queries, tables
from registry.domain.values import Reason
from registry.errors import GateClosedError
from registry.records import Rollout, VersionRecord
from registry.rollouts import Rollouts


class Rollbacks(Rollouts):
    """Rollbacks."""

    def request_rollback(self, name: str, actor: str, reason: str, at: datetime) -> Rollout:
        """Take an endpoint back: abort the rollout under way, else return to the version before.

        A rollback that is under way already is left alone and returned.

        Raises:
            UsageError: no reason was given.
            GateClosedError: there is nothing to go back to, or its files have changed.
        """
        if not reason.strip():
            raise UsageError("expected a reason for the rollback, found none")
        self.endpoint(name)
        at_ms = to_millis(at)
        with reading(self.engine) as connection:
            active = queries.active_rollout(connection, name)
            target_uid = queries.rollback_target(connection, name)
        if active is not None and active.takes_back:
            return active
        if active is not None:
            return self.save_rollout(
                active.id,
                active.revision,
                "rolling_back",
                {**active.state, "rollback_reason": reason, "rollback_actor": actor},
                at,
                event=("rollout.rollback_requested", {"reason": reason, "actor": actor}),
            )
        record = self._rollback_version(name, target_uid)
        with transaction(self.engine) as connection:
            stage = queries.position(connection, record).stage
            if stage is None:
                raise GateClosedError(f"{name} cannot be rolled back:", [_nothing_before(name)])
            rollout_id = grants.open_rollout(
                connection,
                endpoint=name,
                candidate_uid=record.uid,
                candidate_from_stage=stage,
                version=record.version,
                request_id=None,
                actor=actor,
                at_ms=at_ms,
            )
            connection.execute(
                update(tables.rollout)
                .where(tables.rollout.c.id == rollout_id)
                .values(state={"rollback_reason": reason, "rollback_actor": actor})
            )
        return self.rollout(rollout_id)

    def _rollback_version(self, name: str, target_uid: str | None) -> VersionRecord:
        if target_uid is None:
            raise GateClosedError(f"{name} cannot be rolled back:", [_nothing_before(name)])
        record = self.version(target_uid)
        self.require_usable(record)
        found = self.current_manifest_digest(record)
        if found != record.manifest_digest:
            raise GateClosedError(
                f"{record.ref} cannot come back:",
                [
                    Reason(
                        "artifact.changed",
                        f"digest {record.manifest_digest}",
                        f"digest {found}",
                        "restore the registered files",
                    )
                ],
            )
        return record


def _nothing_before(name: str) -> Reason:
    return Reason(
        "rollback.no_target",
        "a version that served before",
        f"none recorded for {name}",
        f"promote another version: acgs promote {name} VERSION",
    )
