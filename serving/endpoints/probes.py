"""Probes, through the gateway, that every endpoint that should serve answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from infra.component import Health, Probe
from registry.bootstrap import open_registry
from serving.domain.seldon import resource_name
from serving.settings import gateway_url

if TYPE_CHECKING:
    from infra.settings import Settings

TIMEOUT_SECONDS = 2.0


def probe_endpoints(settings: Settings) -> Sequence[Probe]:
    """Probe each endpoint that has a stable version."""
    import httpx

    from infra.web.clients import client

    found = []
    for endpoint in open_registry(settings).endpoints.endpoints():
        if endpoint.stable_uid is None:
            continue
        name = f"endpoint.{endpoint.name}"
        path = f"/seldon/{endpoint.namespace}/{resource_name(endpoint.name)}/health/ping"
        try:
            answer = client().get(gateway_url(settings) + path, timeout=TIMEOUT_SECONDS)
        except httpx.HTTPError as err:
            found.append(Probe(name, Health.FAILED, f"no answer: {err}"))
            continue
        healthy = answer.status_code == httpx.codes.OK
        detail = "" if healthy else f"HTTP {answer.status_code}: {answer.text[:200]}"
        found.append(Probe(name, Health.OK if healthy else Health.FAILED, detail))
    return found
