"""One endpoint as the controller sees it at one tick, and the traffic that it should get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.domain.reasons import Reason
from registry.domain.records import Endpoint, Rollout, VersionRecord
from serving.control.ports import ServersStatus
from serving.domain.plan import RolloutPlan
from serving.domain.routing import Backend, DeploymentRoute
from serving.domain.seldon import (
    CANARY,
    DEFAULT,
    Predictor,
    SeldonDeployment,
    ServedVersion,
    resource_name,
)
from serving.domain.state import FINAL, RolloutState


@dataclass(frozen=True, slots=True)
class EndpointView:
    """One endpoint, what serves it, and its rollout if there is one.

    Attributes:
        refused: why the candidate's model servers are not made; empty when they may be.
        waits_for: what keeps the candidate's files from being read now, or "".
        statuses: model servers per predictor name; missing before they were started.
        traffic: percent per version uid as the gateway had it at the last look; None if unknown.
    """

    endpoint: Endpoint
    plan: RolloutPlan
    stable: ServedVersion | None
    candidate: ServedVersion | None = None
    rollout: Rollout | None = None
    state: RolloutState = field(default_factory=RolloutState)
    refused: tuple[Reason, ...] = ()
    waits_for: str = ""
    statuses: Mapping[str, ServersStatus] = field(default_factory=dict)
    traffic: Mapping[str, int] | None = None

    @property
    def weight(self) -> int:
        """Return the candidate's wanted weight, in percent."""
        if self.candidate is None or self.state.phase in FINAL:
            return 0
        return self.state.weight_percent

    @property
    def candidate_predictor(self) -> str:
        """Return the candidate's predictor name: `default` if there is no stable version."""
        return DEFAULT if self.stable is None else CANARY

    def deployment(self) -> SeldonDeployment | None:
        """Return the desired state as Seldon's object; None while there is nothing to serve."""
        predictors = []
        replicas = self.plan.replicas
        if self.stable is not None:
            predictors.append(Predictor(DEFAULT, self.stable, 100 - self.weight, replicas))
        if self.candidate is not None:
            # Seldon takes a lone predictor's traffic as 100 whatever it says.
            traffic = self.weight if self.stable is not None else 100
            predictors.append(
                Predictor(self.candidate_predictor, self.candidate, traffic, replicas)
            )
        if not predictors:
            return None
        return SeldonDeployment(
            name=resource_name(self.endpoint.name),
            namespace=self.endpoint.namespace,
            predictors=tuple(predictors),
            annotations={"acgs.mlops/model": self.endpoint.name},
        )

    def route(self) -> DeploymentRoute:
        """Return the traffic: the deployment's weights over the servers that are there."""
        namespace, name = self.endpoint.namespace, resource_name(self.endpoint.name)
        backends, weights = [], []
        if self.stable is not None:
            backends.append(self._backend(DEFAULT, self.stable))
            weights.append(100 - self.weight)
        if self.candidate is not None:
            known = self._backend(self.candidate_predictor, self.candidate)
            if self.weight or (known.addresses and self.stable is not None):
                backends.append(known)
                weights.append(self.weight)
        if sum(weights) != 100:
            return DeploymentRoute(namespace, name)
        return DeploymentRoute(namespace, name, tuple(backends), tuple(weights))

    def _backend(self, predictor: str, version: ServedVersion) -> Backend:
        status = self.statuses.get(predictor)
        return Backend(
            key=version.uid,
            predictor=predictor,
            version=version.semver,
            addresses=status.addresses if status else (),
        )


def served(record: VersionRecord) -> ServedVersion:
    """Return a registered version as serving knows it."""
    return ServedVersion(
        uid=record.uid,
        name=record.name,
        number=record.version,
        semver=record.semver,
        digest=record.manifest_digest or "",
        model_uri=record.storage_uri or record.source,
    )
