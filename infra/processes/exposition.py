"""The platform's metrics and health over HTTP: every component is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from infra.component import Health, components

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from infra.settings import Settings


def routes(settings: Settings) -> Sequence[BaseRoute]:
    """Return `/acgs/metrics` (Prometheus text) and `/acgs/health` (JSON)."""
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    async def get_metrics(_request: Request) -> Response:
        from prometheus_client.exposition import CONTENT_TYPE_LATEST

        text = await run_in_threadpool(metrics, settings)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    async def get_health(_request: Request) -> JSONResponse:
        from infra.processes.health import collect

        found = await run_in_threadpool(lambda: list(collect(settings)))
        healthy = all(item.probe.health is Health.OK for item in found)
        body = {
            "healthy": healthy,
            "probes": [
                {
                    "component": item.component,
                    "name": item.probe.name,
                    "health": item.probe.health.value,
                    "detail": item.probe.detail,
                }
                for item in found
            ],
        }
        return JSONResponse(body, status_code=200 if healthy else 503)

    return (Route("/acgs/metrics", get_metrics), Route("/acgs/health", get_health))


def metrics(settings: Settings) -> bytes:
    """Return what every component measures now, in Prometheus' text format."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    for component in components():
        for collector in component.collectors(settings):
            registry.register(collector)
    return bytes(generate_latest(registry))
