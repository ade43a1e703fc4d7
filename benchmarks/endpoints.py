"""Creates an endpoint, and rolls versions out to it through the gate."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from infra.clock import utc_now
from pipelines.demo import rollout
from pipelines.demo.rollout import Followed
from pipelines.steps.models import Recipe
from registry.bootstrap import Registry, open_registry
from registry.domain.records import VersionRecord
from serving.domain.plan import RolloutPlan
from serving.settings import gateway_url
from tests.support import credit
from tests.support.platform import Platform

NAMESPACE = "acgs"
ACTOR = "benchmark"
LIMIT_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A name of the running platform that is served."""

    platform: Platform
    registry: Registry
    name: str

    @property
    def url(self) -> str:
        base = f"{gateway_url(self.platform.settings)}/seldon/{NAMESPACE}/{self.name}"
        return f"{base}/api/v1.0/predictions"

    def roll_out(self, recipe: Recipe) -> tuple[VersionRecord, Followed]:
        """Register a version, get it through the gate, and wait for its rollout's end."""
        made = credit.register(self.platform, self.name, recipe)
        self.platform.stage(self.name, made.number, "Production")
        record = self.registry.versions.find_version(self.name, str(made.number))
        asked = [r for r in self.registry.gate.requests(self.name) if r.version_uid == record.uid]
        return record, self.follow(rollout.of_request(self.registry, self.name, asked[-1].id).id)

    def roll_back(self) -> Followed:
        """Return to the version before, as a person does, and wait for the end."""
        found = self.registry.rollbacks.request_rollback(self.name, ACTOR, "measured", utc_now())
        return self.follow(found.id)

    def follow(self, rollout_id: int) -> Followed:
        return rollout.follow(
            self.registry, rollout_id, lambda _: None, limit_seconds=LIMIT_SECONDS
        )


@contextlib.contextmanager
def endpoint(platform: Platform, name: str, plan: RolloutPlan) -> Iterator[Endpoint]:
    registry = open_registry(platform.settings)
    try:
        registry.endpoints.create_endpoint(
            name, NAMESPACE, plan.document(), actor=ACTOR, at=utc_now()
        )
        yield Endpoint(platform, registry, name)
    finally:
        registry.engine.dispose()
