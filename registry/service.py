"""The registry as other packages see it."""

from __future__ import annotations

from registry.holds import Holds


class Registry(Holds):
    """Every use case of the registry: versions, requests, endpoints and rollouts."""
