"""The registry as other packages see it."""

from __future__ import annotations

from registry.comparing import Comparing
from registry.custody import Custody


class Registry(Comparing, Custody):
    """Every use case of the registry: versions, requests, endpoints and rollouts."""
