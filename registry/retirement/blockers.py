"""Finds what keeps a version from being deleted, and deletes a version without blockers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, update

from infra.clock import to_millis
from infra.stores.db import reading, transaction
from registry.adapters import locks, mirror, tables, version_rows
from registry.audit.adapters import events
from registry.domain.reasons import Reason
from registry.domain.records import Act, VersionRecord
from registry.domain.values import GOVERNED_ALIASES, GOVERNED_STAGES, Stage, spelled
from registry.errors import GateClosedError
from registry.files.adapters import custody_rows
from registry.gate.adapters import decisions
from registry.rollouts.adapters import rollout_rows
from registry.rollouts.adapters.in_use import serving
from registry.stages.adapters import moves, places, positions, tenures

_V = tables.version.c


@dataclass(frozen=True, slots=True)
class Blockers:
    """Finds blockers, retires and deletes versions."""

    engine: Engine

    def of_version(self, record: VersionRecord) -> Sequence[Reason]:
        """Say what keeps a version from being deleted; empty when nothing does."""
        with reading(self.engine) as connection:
            return [
                *serving(connection, record),
                *_placed(connection, record),
                *_legally_held(connection, record),
            ]

    def of_alias(self, name: str, alias: str) -> Sequence[Reason]:
        """Say what keeps a governed alias from being removed; empty when nothing does."""
        with reading(self.engine) as connection:
            number = places.alias_holder(connection, name, alias)
            if number is None:
                return []
            stage = places.stage_at(connection, name, number)
        if stage is not GOVERNED_ALIASES[alias.lower()]:
            return []
        return [
            Reason(
                "alias.in_use",
                f"a version outside {stage}",
                f"{alias} names version {number}, which is in {stage}",
                f"promote another version, or move version {number} to Archived: "
                "the alias goes with it",
            )
        ]

    def remove_alias(self, name: str, alias: str, actor: str, at: datetime) -> None:
        """Remove a governed alias without blockers; does nothing if there is no such alias."""
        with transaction(self.engine) as connection:
            locks.lock_model(connection, name)
            number = places.alias_holder(connection, name, alias)
            if number is not None:
                moves.drop_alias(connection, name, alias, number, Act(actor, to_millis(at)))

    def retire(self, record: VersionRecord, target: Stage, actor: str, at: datetime) -> None:
        """Move a version out of the governed stages, and remove its governed aliases.

        Raises:
            GateClosedError: it serves, or a rollout needs it.
        """
        act = Act(actor, to_millis(at))
        with transaction(self.engine) as connection:
            locks.lock_model(connection, record.name)
            reasons = serving(connection, record)
            if reasons:
                raise GateClosedError(f"{record.ref} cannot move to {target}:", reasons)
            stage = positions.stage_of(connection, record)
            if stage is None or stage is target:
                return
            _leave(connection, record.name, record.version, stage, target, act)

    def archive_others(self, record: VersionRecord, stage: Stage, actor: str, at: datetime) -> None:
        """Archive the other versions in a version's stage, and remove their governed aliases.

        Raises:
            GateClosedError: one of them serves, or a rollout needs it.
            StageMovedError: the version has left the stage.
        """
        with transaction(self.engine) as connection:
            locks.lock_model(connection, record.name)
            if positions.stage_of(connection, record) is not stage:
                raise moves.StageMovedError(
                    f"expected {record.ref} in stage {stage}, found it elsewhere", hint="ask again"
                )
            for number in places.numbers_in_stage(connection, record.name, stage):
                if number != record.version:
                    _archive(connection, record.name, number, stage, Act(actor, to_millis(at)))

    def must_not_serve(self, record: VersionRecord, target: Stage) -> None:
        """Refuse to demote a version that serves.

        Raises:
            GateClosedError: it serves, or a rollout needs it.
        """
        with reading(self.engine) as connection:
            reasons = serving(connection, record)
        if reasons:
            raise GateClosedError(f"{record.ref} cannot move to {target}:", reasons)

    def mark_deleted(
        self, connection: Connection, record: VersionRecord, actor: str, at_ms: int
    ) -> None:
        """Record that MLflow deletes a version, in MLflow's own transaction.

        What was still asked about it is refused with it.
        """
        act = Act(actor, at_ms)
        gone = Reason(
            "version.gone", "a registered version", "it was deleted", "register it again and ask"
        )
        decisions.refuse_open(connection, record.uid, gone, act)
        connection.execute(
            update(tables.version).where(_V.uid == record.uid).values(deleted_ms=at_ms)
        )
        tenures.end(connection, record.uid, at_ms)
        events.record(
            connection,
            "model_version.deleted",
            act,
            name=record.name,
            version=record.version,
            data={"semver": record.semver, "manifest_digest": record.manifest_digest},
        )

    def refresh_mirror(self, connection: Connection, name: str, number: int) -> str:
        """Rewrite the platform's line under a replaced description; return all of it."""
        return mirror.refresh_description(connection, name, number)


def _placed(connection: Connection, record: VersionRecord) -> list[Reason]:
    reasons = []
    position = positions.position(connection, record)
    if position.stage in GOVERNED_STAGES:
        reasons.append(
            Reason(
                "stage.in_use",
                "a version outside Staging and Production",
                f"it is in {position.stage}",
                "move it to Archived first",
            )
        )
    governed = [alias for alias in position.aliases if alias.lower() in GOVERNED_ALIASES]
    if governed:
        reasons.append(
            Reason(
                "alias.in_use",
                "a version without a governed alias",
                f"it is {', '.join(governed)}",
                "promote another version first",
            )
        )
    if rollout_rows.rollback_target(connection, record.name) == record.uid:
        reasons.append(
            Reason(
                "rollback.needs_version",
                "a version that no rollback needs",
                f"endpoint {record.name} would be rolled back to it",
                "roll out another version first",
            )
        )
    return reasons


def _legally_held(connection: Connection, record: VersionRecord) -> list[Reason]:
    hold = custody_rows.hold_of(connection, record.uid)
    if hold is None:
        return []
    return [
        Reason(
            "hold.legal",
            "a version without a legal hold",
            f"{hold.actor} put one on it: {hold.reason}",
            f"acgs artifact release {spelled(record.name, record.semver)} --reason ...",
        )
    ]


def _archive(connection: Connection, name: str, number: int, stage: Stage, act: Act) -> None:
    known = version_rows.live_version(connection, name, number)
    reasons = serving(connection, known) if known is not None else []
    if known is not None and reasons:
        raise GateClosedError(f"{known.ref} cannot move to {Stage.ARCHIVED}:", reasons)
    _leave(connection, name, number, stage, Stage.ARCHIVED, act)


def _leave(
    connection: Connection,
    name: str,
    number: int,
    stage: Stage,
    target: Stage,
    act: Act,
) -> None:
    """Move a version out of its stage, and remove its governed aliases."""
    moves.move_stage(connection, name, number, stage, target, act)
    for alias in places.governed_aliases(connection, name, number):
        moves.drop_alias(connection, name, alias, number, act)
