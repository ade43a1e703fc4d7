"""The registry as other packages see it."""

from __future__ import annotations

from registry.custody import Custody
from registry.standing import Standings


class Registry(Standings, Custody):
    """Every use case of the registry: versions, requests, endpoints and rollouts."""
