"""The registry as other packages see it."""

from __future__ import annotations

from registry.checking.service import Checking
from registry.files.custody import Custody
from registry.retirement.whole_models import WholeModels


class Registry(WholeModels, Checking, Custody):
    """Every use case of the registry: versions, requests, endpoints and rollouts."""
