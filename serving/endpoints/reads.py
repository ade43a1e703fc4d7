"""Serving's views: endpoints and rollouts as JSON, for the command line and for HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from infra.component import View
from registry.bootstrap import open_registry
from serving.control.orders import find_rollout
from serving.endpoints.views import endpoint_view, rollout_view

if TYPE_CHECKING:
    from infra.settings import Settings


def views(settings: Settings) -> Mapping[str, View]:
    """Return serving's views; opens nothing before the first read."""
    registry = open_registry(settings)

    def endpoints(_asked: Mapping[str, str]) -> list[dict[str, object]]:
        return [endpoint_view(registry, settings, e) for e in registry.endpoints.endpoints()]

    def endpoint(asked: Mapping[str, str]) -> dict[str, object]:
        found = registry.endpoints.endpoint(asked.get("name", ""))
        return endpoint_view(registry, settings, found)

    def rollouts(asked: Mapping[str, str]) -> list[dict[str, object]]:
        name = asked.get("name")
        found = registry.rollouts.rollouts(name)
        if name is not None and not found:
            registry.endpoints.endpoint(name)  # a misspelt name is not an endpoint without rollouts
        return [rollout_view(registry, rollout) for rollout in found]

    def rollout(asked: Mapping[str, str]) -> dict[str, object]:
        return rollout_view(registry, find_rollout(registry, asked.get("which", "")))

    return {"endpoints": endpoints, "endpoint": endpoint, "rollouts": rollouts, "rollout": rollout}
