"""Use cases around endpoints and rollouts, as facts in the registry.

How traffic moves is the serving package's business. What the registry says about it (stage,
alias, audit) changes here, each time in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, update

from infra.clock import to_millis
from infra.db import reading, transaction
from infra.errors import ConflictError, UsageError
from registry.adapters import custody_rows, events, grants, mirror, queries, tables, tenures
from registry.adapters.request_rows import SYSTEM
from registry.domain.values import CHAMPION, Reason, Stage
from registry.errors import GateClosedError, UnknownEndpointError
from registry.records import Endpoint, Rollout, VersionRecord
from registry.requests import Requests

_RO = tables.rollout.c


class RolloutMovedError(ConflictError):
    """A rollout was changed by somebody else since it was read."""

    code = "registry.rollout_moved"


class Rollouts(Requests):
    """Endpoints and rollouts."""

    def create_endpoint(
        self, name: str, namespace: str, plan: Mapping[str, Any], actor: str, at: datetime
    ) -> Endpoint:
        """Create an endpoint, or give an existing one a new plan for its next rollout.

        A new endpoint begins with the model's champion, where there is one.

        Args:
            name: registered model it serves.
            namespace: Kubernetes namespace, part of the URL.
            plan: rollout plan as JSON; its meaning belongs to serving.
            actor: who asks.
            at: now.

        Raises:
            GateClosedError: the champion is quarantined.
        """
        at_ms = to_millis(at)
        with transaction(self.engine) as connection:
            known = queries.endpoint(connection, name)
            if known is None:
                connection.execute(
                    insert(tables.endpoint).values(
                        name=name, namespace=namespace, plan=dict(plan), created_ms=at_ms
                    )
                )
            else:
                connection.execute(
                    update(tables.endpoint)
                    .where(tables.endpoint.c.name == name)
                    .values(namespace=namespace, plan=dict(plan))
                )
            events.record(
                connection,
                "endpoint.created" if known is None else "endpoint.changed",
                name=name,
                actor=actor,
                at_ms=at_ms,
                data={"namespace": namespace, "plan": dict(plan)},
            )
            if known is None:
                _deploy_champion(connection, name, actor, at_ms)
        return self.endpoint(name)

    def endpoint(self, name: str) -> Endpoint:
        """Return one endpoint.

        Raises:
            UnknownEndpointError: there is none of this name.
        """
        with reading(self.engine) as connection:
            found = queries.endpoint(connection, name)
        if found is None:
            raise UnknownEndpointError(
                f"expected an endpoint {name}, found none", hint=f"acgs endpoint create {name}"
            )
        return found

    def endpoints(self) -> Sequence[Endpoint]:
        """Return every endpoint, by name."""
        with reading(self.engine) as connection:
            return queries.endpoints(connection)

    def rollout(self, rollout_id: int) -> Rollout:
        """Return one rollout.

        Raises:
            UnknownEndpointError: there is none with this number.
        """
        with reading(self.engine) as connection:
            found = queries.rollout(connection, rollout_id)
        if found is None:
            raise UnknownEndpointError(
                f"expected a rollout {rollout_id}, found none", hint="acgs rollout list"
            )
        return found

    def rollouts(self, endpoint: str | None = None) -> Sequence[Rollout]:
        """Return rollouts, oldest first."""
        with reading(self.engine) as connection:
            return queries.rollouts(connection, endpoint=endpoint)

    def active_rollouts(self) -> Sequence[Rollout]:
        """Return the rollouts that are not finished, oldest first."""
        with reading(self.engine) as connection:
            return queries.rollouts(connection, active=True)

    def save_rollout(
        self,
        rollout_id: int,
        expected_revision: int,
        phase: str,
        state: Mapping[str, Any],
        at: datetime,
        measurement: Mapping[str, Any] | None = None,
        event: tuple[str, Mapping[str, Any]] | None = None,
        traffic: Mapping[str, int] | None = None,
    ) -> Rollout:
        """Save a rollout's progress by compare-and-set on its revision.

        Args:
            rollout_id: whose.
            expected_revision: what was read.
            phase: where it stands now.
            state: serving's own state, as JSON.
            at: now.
            measurement: what was measured, as JSON.
            event: (type, data) to record with it.
            traffic: percent of the endpoint's traffic per version uid, as read back from the
                gateway; None when the gateway did not answer.

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
                .values(phase=phase, state=dict(state), revision=expected_revision + 1)
            )
            if result.rowcount != 1:
                raise RolloutMovedError(
                    f"expected rollout {rollout_id} at revision {expected_revision}, "
                    "found it changed or finished",
                    hint="read it again",
                )
            if measurement is not None:
                connection.execute(
                    insert(tables.measurement).values(
                        rollout_id=rollout_id, at_ms=at_ms, data=dict(measurement)
                    )
                )
            rollout = queries.rollout(connection, rollout_id)
            if rollout is None:
                raise RuntimeError(f"rollout {rollout_id} vanished inside its transaction")
            if traffic is not None:
                tenures.share_traffic(connection, rollout.endpoint, traffic, at_ms)
            if event is not None:
                self._event(connection, rollout, event[0], event[1], at_ms)
        return rollout

    def complete_rollout(self, rollout_id: int, at: datetime) -> Rollout:
        """Make the candidate the champion: alias, stages, endpoint and audit move together.

        Does nothing to a rollout that is finished already.
        """
        at_ms = to_millis(at)
        with transaction(self.engine) as connection:
            rollout = self._finish(connection, rollout_id, "succeeded", (), at_ms)
            if rollout is None:
                return self.rollout(rollout_id)
            candidate = _candidate(connection, rollout)
            stage = queries.position(connection, candidate).stage
            if stage is None:
                raise ConflictError(f"{candidate.ref} was deleted while it was rolled out")
            grants.move_stage(
                connection,
                candidate.name,
                candidate.version,
                stage,
                Stage.PRODUCTION,
                actor=SYSTEM,
                at_ms=at_ms,
                request_id=rollout.request_id,
            )
            grants.crown(
                connection,
                candidate.name,
                candidate.version,
                SYSTEM,
                at_ms,
                rollout.request_id,
            )
            connection.execute(
                update(tables.endpoint)
                .where(tables.endpoint.c.name == rollout.endpoint)
                .values(stable_uid=rollout.candidate_uid, stable_since_ms=at_ms)
            )
            tenures.share_traffic(connection, rollout.endpoint, {rollout.candidate_uid: 100}, at_ms)
            self._event(connection, rollout, "rollout.promoted", {}, at_ms)
            mirror.set_tags(
                connection,
                candidate.name,
                candidate.version,
                {"acgs.rollout": f"{rollout_id}: succeeded"},
            )
        return self.rollout(rollout_id)

    def fail_rollout(self, rollout_id: int, reasons: Sequence[Reason], at: datetime) -> Rollout:
        """Take the candidate back to the stage it came from; the champion stays.

        Does nothing to a rollout that is finished already.
        """
        at_ms = to_millis(at)
        with transaction(self.engine) as connection:
            rollout = self._finish(connection, rollout_id, "rolled_back", reasons, at_ms)
            if rollout is None:
                return self.rollout(rollout_id)
            endpoint = queries.endpoint(connection, rollout.endpoint)
            stable_uid = endpoint.stable_uid if endpoint else None
            tenures.share_traffic(
                connection, rollout.endpoint, {stable_uid: 100} if stable_uid else {}, at_ms
            )
            candidate = _candidate(connection, rollout)
            stage = queries.position(connection, candidate).stage
            # What was in Production before its rollout (a champion's first endpoint) stays there.
            if stage is Stage.PRODUCTION is not rollout.candidate_from_stage:
                grants.move_stage(
                    connection,
                    candidate.name,
                    candidate.version,
                    Stage.PRODUCTION,
                    rollout.candidate_from_stage,
                    actor=SYSTEM,
                    at_ms=at_ms,
                    request_id=rollout.request_id,
                )
            self._event(
                connection,
                rollout,
                "rollout.rolled_back",
                {"reasons": [asdict(reason) for reason in reasons]},
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
                .where(_RO.id == rollout_id)
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

    def _finish(
        self,
        connection: Connection,
        rollout_id: int,
        phase: str,
        reasons: Sequence[Reason],
        at_ms: int,
    ) -> Rollout | None:
        """Close a rollout by compare-and-set; None when it is closed already."""
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
        return queries.rollout(connection, rollout_id) if result.rowcount == 1 else None

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
            name=candidate.name,
            version=candidate.version,
            request_id=rollout.request_id,
            actor=str(data.get("actor") or SYSTEM),
            at_ms=at_ms,
            data={"rollout_id": rollout.id, "semver": candidate.semver, **data},
        )


def _deploy_champion(connection: Connection, name: str, actor: str, at_ms: int) -> None:
    number = queries.alias_holder(connection, name, CHAMPION)
    champion = queries.live_version(connection, name, number) if number is not None else None
    if champion is None:
        return
    stage = queries.position(connection, champion).stage
    reasons = custody_rows.unusable(connection, champion.uid)
    if reasons:
        raise GateClosedError(f"{champion.ref} cannot be deployed:", reasons)
    if stage is Stage.PRODUCTION:
        grants.open_rollout(
            connection,
            endpoint=name,
            candidate_uid=champion.uid,
            candidate_from_stage=stage,
            version=champion.version,
            request_id=None,
            actor=actor,
            at_ms=at_ms,
        )


def _candidate(connection: Connection, rollout: Rollout) -> VersionRecord:
    record = queries.version_by_uid(connection, rollout.candidate_uid)
    if record is None:
        raise RuntimeError(f"rollout {rollout.id} names a version that was never registered")
    return record


def _nothing_before(name: str) -> Reason:
    return Reason(
        "rollback.no_target",
        "a version that served before",
        f"none recorded for {name}",
        f"promote another version: acgs promote {name} VERSION",
    )
