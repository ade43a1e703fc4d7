"""Renames and deletes a model as a whole, however many versions it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from infra.stores.db import reading, transaction
from registry.adapters import mirror, tables, version_rows
from registry.audit.adapters import events
from registry.domain.reasons import Reason
from registry.domain.records import Act, VersionRecord
from registry.gate.adapters import decisions, scorecards
from registry.rollouts.adapters import rollout_rows
from registry.stages.adapters import places, tenures
from registry.versions.takeover import Takeover

_V = tables.version.c
PAGE = 500
"""Versions in one step of a change to all of them."""


@dataclass(frozen=True, slots=True)
class WholeModels:
    """Changes to every version of a model."""

    engine: Engine
    takeover: Takeover

    def placed_versions(self, name: str, actor: str) -> Sequence[VersionRecord]:
        """Return the versions in a governed stage, with a governed alias, served or held.

        Nothing else of a model would have to be judged, or kept.
        """
        with reading(self.engine) as connection:
            numbers = places.governed_numbers(connection, name)
            uids = _served(connection, name) | _held(connection, name)
            numbers |= {
                record.version
                for uid in uids
                if (record := version_rows.version_by_uid(connection, uid)) is not None
                and record.deleted_ms is None
                and record.name == name
            }
        return [self.takeover.adopt(name, number, actor) for number in sorted(numbers)]

    def mark_model_deleted(self, connection: Connection, name: str, actor: str, at_ms: int) -> None:
        """Record that MLflow deletes a model with all its versions, in MLflow's own transaction.

        What was still asked about them is refused with them.
        """
        act = Act(actor, at_ms)
        gone = Reason(
            "version.gone", "a registered version", "it was deleted", "register it again and ask"
        )
        decisions.refuse_open_of_model(connection, name, gone, act)
        tenures.end_of_model(connection, name, at_ms)
        after = 0
        while page := _page(connection, name, after):
            events.record_many(
                connection,
                "model_version.deleted",
                [
                    events.Happened(
                        name, row.version, {"semver": row.semver, "manifest_digest": row.digest}
                    )
                    for row in page
                ],
                act,
            )
            after = page[-1].version
        connection.execute(
            update(tables.version)
            .where(_V.name == name, _V.deleted_ms.is_(None))
            .values(deleted_ms=at_ms)
        )

    def mark_renamed(
        self,
        connection: Connection,
        name: str,
        new_name: str,
        actor: str,
        at_ms: int,
        *,
        judged: Sequence[str] = (),
    ) -> None:
        """Record that MLflow renames a model, in MLflow's own transaction.

        Versions that were `judged` for it show that verdict from now on.
        """
        act = Act(actor, at_ms)
        renamed = Reason(
            "version.renamed",
            f"the name it was asked under, {name}",
            f"it is {new_name} now",
            "ask again: it is judged under its new name",
        )
        decisions.refuse_open_of_model(connection, name, renamed, act)
        # Requests keep the name they were made under: that is what was judged.
        connection.execute(
            update(tables.version)
            .where(_V.name == name, _V.deleted_ms.is_(None))
            .values(name=new_name)
        )
        tenures.rename(connection, name, new_name, at_ms)
        events.record(
            connection,
            "model.renamed",
            act,
            name=new_name,
            data={"from_name": name, "to_name": new_name},
        )
        for uid in judged:
            scorecards.show_verdict(connection, uid)

    def show_versions(self, name: str) -> None:
        """Write the platform's tags onto the versions of a model that do not show them yet."""
        after = 0
        while True:
            with transaction(self.engine) as connection:
                numbers = mirror.unshown(connection, name, after, PAGE)
                for number in numbers:
                    record = version_rows.live_version(connection, name, number)
                    if record is not None:
                        mirror.show(connection, record)
            if len(numbers) < PAGE:
                return
            after = numbers[-1]


def _served(connection: Connection, name: str) -> set[str]:
    endpoint = rollout_rows.endpoint(connection, name)
    if endpoint is None:
        return set()
    active = rollout_rows.active_rollout(connection, name)
    found = {endpoint.stable_uid, rollout_rows.rollback_target(connection, name)}
    found |= {active.candidate_uid, active.stable_uid} if active else set()
    return {uid for uid in found if uid is not None}


def _held(connection: Connection, name: str) -> set[str]:
    of_model = select(tables.hold.c.version_uid).join(
        tables.version, _V.uid == tables.hold.c.version_uid
    )
    return set(connection.execute(of_model.where(_V.name == name)).scalars())


def _page(connection: Connection, name: str, after: int) -> Sequence[Any]:
    return connection.execute(
        select(_V.version, _V.semver, _V.manifest_digest.label("digest"))
        .where(_V.name == name, _V.deleted_ms.is_(None), _V.version > after)
        .order_by(_V.version)
        .limit(PAGE)
    ).all()
