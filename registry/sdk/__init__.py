"""Provides a small client for notebooks, beside plain MLflow: ask, understand, compare.

    from registry.sdk import GovernedClient

    client = GovernedClient("http://127.0.0.1:5000")
    client.promote("fraud", "1.2.0")
    client.explain("fraud", "1.2.0")
    client.diff("fraud", "1.1.0", "1.2.0")

It talks HTTP to the same server as MLflow's own client and needs nothing but its address.
"""

from __future__ import annotations

from registry.errors import GateClosedError, RequestPendingError
from registry.sdk.client import GovernedClient, VersionStandingWarning

__all__ = ["GateClosedError", "GovernedClient", "RequestPendingError", "VersionStandingWarning"]
