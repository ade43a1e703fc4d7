"""Creates and reads endpoints, as facts in the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert, update

from infra.clock import to_millis
from infra.stores.db import reading, transaction
from registry.adapters import locks, tables, version_rows
from registry.audit.adapters import events
from registry.domain.records import Act, Endpoint, VersionRecord
from registry.domain.values import CHAMPION, Stage
from registry.errors import GateClosedError, UnknownEndpointError
from registry.files.adapters import custody_rows
from registry.rollouts.adapters import openings, rollout_rows
from registry.stages.adapters import places, positions


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Says which version of a model serves where."""

    engine: Engine

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
            # A grant holds to the plan that was approved: it must not change under it.
            locks.lock_model(connection, name)
            known = rollout_rows.endpoint(connection, name)
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
                Act(actor, at_ms),
                name=name,
                data={"namespace": namespace, "plan": dict(plan)},
            )
            if known is None:
                _deploy_champion(connection, name, actor, at_ms)
        return self.endpoint(name)

    def check_creation(self, name: str) -> bool:
        """Return whether `create_endpoint` would create the endpoint; if not, it changes one.

        Raises:
            GateClosedError: the champion is quarantined.
        """
        with reading(self.engine) as connection:
            if rollout_rows.endpoint(connection, name) is not None:
                return False
            _champion(connection, name)
            return True

    def endpoint(self, name: str) -> Endpoint:
        """Return one endpoint.

        Raises:
            UnknownEndpointError: there is none of this name.
        """
        with reading(self.engine) as connection:
            found = rollout_rows.endpoint(connection, name)
        if found is None:
            raise UnknownEndpointError(
                f"expected an endpoint {name}, found none", hint=f"acgs endpoint create {name}"
            )
        return found

    def endpoints(self) -> Sequence[Endpoint]:
        """Return every endpoint, by name."""
        with reading(self.engine) as connection:
            return rollout_rows.endpoints(connection)


def _champion(connection: Connection, name: str) -> VersionRecord | None:
    """Return the version that a new endpoint begins with, if it may be deployed."""
    number = places.alias_holder(connection, name, CHAMPION)
    champion = version_rows.live_version(connection, name, number) if number is not None else None
    if champion is not None and (reasons := custody_rows.unusable(connection, champion.uid)):
        raise GateClosedError(f"{champion.ref} cannot be deployed:", reasons)
    return champion


def _deploy_champion(connection: Connection, name: str, actor: str, at_ms: int) -> None:
    champion = _champion(connection, name)
    if champion is None:
        return
    stage = positions.position(connection, champion).stage
    if stage is Stage.PRODUCTION:
        openings.open_rollout(
            connection,
            Act(actor, at_ms),
            endpoint=name,
            candidate_uid=champion.uid,
            candidate_from_stage=stage,
            version=champion.version,
        )
