"""The ports of the rollout controller; adapters implement them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from serving.domain.routing import DeploymentRoute
from serving.domain.seldon import Predictor, SeldonDeployment
from serving.domain.state import Counters


class GatewayPort(Protocol):
    """The data plane."""

    def apply(self, table: Sequence[DeploymentRoute]) -> None:
        """Apply a routing table; return once it is in force."""

    def forget(self, table: Sequence[DeploymentRoute]) -> None:
        """Drop the clusters that the table does not name."""

    def weights(self, namespace: str, deployment: str) -> Mapping[str, int] | None:
        """Return percent per backend key, as read back; None if the gateway does not answer."""

    def counters(self, clusters: Sequence[str]) -> Mapping[str, Counters]:
        """Return the running totals of these clusters."""

    def active_requests(self, cluster: str) -> int:
        """Return how many requests are being answered."""

    def smoke(self, route: DeploymentRoute, predictor: str, examples: Sequence[bytes]) -> str:
        """Ask one predictor, by header; return "" on success, else what went wrong."""


@dataclass(frozen=True, slots=True)
class ServersStatus:
    """One predictor's model servers.

    Attributes:
        addresses: (host, port) of those that answer; if none does, of those that last did.
        ready: whether all replicas answer.
        failed: why they never will, or None.
        detail: why they are not ready, as far as known, for the rollout's reason.
    """

    addresses: tuple[tuple[str, int], ...]
    ready: bool
    failed: str | None = None
    detail: str = ""


class ServersPort(Protocol):
    """Where model servers run."""

    def ensure(self, deployment: SeldonDeployment, predictor: Predictor) -> ServersStatus:
        """Start what is missing; never blocks for long."""

    def running(self) -> Sequence[tuple[str, str, str]]:
        """Return (namespace, deployment, version uid) of everything that was started."""

    def stop(self, namespace: str, deployment: str, uid: str) -> None:
        """Stop a version's servers; they finish the requests under way."""

    def examples(self, predictor: Predictor) -> Sequence[bytes]:
        """Return request bodies that the model should be able to answer."""
