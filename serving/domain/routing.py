"""Describes which backends answer which share of a deployment's requests."""

from __future__ import annotations

from dataclasses import dataclass

from infra.errors import UsageError


class RoutingError(UsageError):
    """A routing table contradicts itself."""

    code = "serving.routing_invalid"


@dataclass(frozen=True, slots=True)
class Backend:
    """The model servers of one version in one deployment.

    Attributes:
        key: names the version for ever (its uid); the counters are kept under it, so they go on
            when a canary becomes the default.
        predictor: the name it has in the SeldonDeployment at the moment, `default` or `canary`.
        version: semantic version, for people.
        addresses: (host, port) of each model server that is ready.
    """

    key: str
    predictor: str
    version: str
    addresses: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class DeploymentRoute:
    """One deployment's traffic.

    Attributes:
        backends: who can answer; empty means none is ready.
        weights: percent per backend, in the same order; sums to 100 unless empty.
    """

    namespace: str
    deployment: str
    backends: tuple[Backend, ...] = ()
    weights: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.backends) != len(self.weights):
            raise RoutingError(
                f"{self.deployment}: expected a weight per backend, found {self.weights} "
                f"for {[b.predictor for b in self.backends]}"
            )
        if self.backends and sum(self.weights) != 100:
            raise RoutingError(
                f"{self.deployment}: expected weights that sum to 100, found {self.weights}"
            )
        if any(weight < 0 for weight in self.weights):
            raise RoutingError(f"{self.deployment}: expected weights >= 0, found {self.weights}")
        names = [backend.predictor for backend in self.backends]
        if len(set(names)) != len(names):
            raise RoutingError(f"{self.deployment}: expected unique predictors, found {names}")

    def cluster(self, backend: Backend) -> str:
        """Return the name under which the gateway knows and counts a backend."""
        return cluster_name(self.namespace, self.deployment, backend.key)

    @property
    def prefix(self) -> str:
        """Return the URL path that Seldon gives a deployment."""
        return f"/seldon/{self.namespace}/{self.deployment}/"


def cluster_name(namespace: str, deployment: str, key: str) -> str:
    """Return the gateway's name for one version of one deployment."""
    return f"{namespace}/{deployment}/{key}"
