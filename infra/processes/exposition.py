"""Serves every component's metrics, health and views over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from infra.component import Health, components
from infra.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from infra.settings import Settings

PAGE = 1000
"""Most entries of a view at once."""


def routes(settings: Settings) -> Sequence[BaseRoute]:
    """Return `/acgs/metrics` (Prometheus text), `/acgs/health` and the components' views (JSON)."""
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    async def get_metrics(_request: Request) -> Response:
        from prometheus_client.exposition import CONTENT_TYPE_LATEST

        text = await run_in_threadpool(metrics, settings)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    async def get_health(_request: Request) -> JSONResponse:
        from infra.processes import health

        rows = await run_in_threadpool(health.rows, settings)
        healthy = all(row["health"] == Health.OK for row in rows)
        found = [{"name": row.pop("probe"), **row} for row in rows]
        body = {"healthy": healthy, "probes": found}
        return JSONResponse(body, status_code=200 if healthy else 503)

    views = {component.name: component.views(settings) for component in components()}

    async def get_view(request: Request) -> JSONResponse:
        owner, name = request.path_params["component"], request.path_params["name"]
        view = views.get(owner, {}).get(name)
        if view is None:
            raise NotFoundError(f"expected a view that exists, found {owner}/{name}"[:200])
        asked = dict(request.query_params)
        limit = asked.get("limit", str(PAGE))
        if not limit.isdecimal() or len(limit) > len(str(PAGE)) or int(limit) > PAGE:
            raise UsageError(f"expected limit=1 to {PAGE}, found {limit[:40]!r}")
        return JSONResponse({"view": await run_in_threadpool(view, asked)})

    return (
        Route("/acgs/metrics", get_metrics),
        Route("/acgs/health", get_health),
        Route("/acgs/api/v1/views/{component}/{name}", get_view),
    )


def metrics(settings: Settings) -> bytes:
    """Return every component's metrics now, in Prometheus' text format."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    for component in components():
        for collector in component.collectors(settings):
            registry.register(collector)
    return bytes(generate_latest(registry))
