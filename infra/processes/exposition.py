"""Serves every component's metrics, health, views and operations over HTTP."""

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
    """Return metrics (Prometheus text), health, the components' views and operations (JSON)."""
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

    operations = {component.name: component.operations(settings) for component in components()}

    async def post_operation(request: Request) -> JSONResponse:
        owner, name = request.path_params["component"], request.path_params["name"]
        operation = operations.get(owner, {}).get(name)
        if operation is None:
            raise NotFoundError(f"expected an operation that exists, found {owner}/{name}"[:200])
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            # A page of another site can post a form, but no JSON.
            raise UsageError("expected a body of content-type application/json, found another")
        try:
            asked = await request.json()
        except ValueError as err:
            raise UsageError(f"expected a JSON object, found none: {err}"[:200]) from err
        if not isinstance(asked, dict):
            raise UsageError(f"expected a JSON object, found {type(asked).__name__}")
        return JSONResponse({"result": await run_in_threadpool(operation, asked)})

    return (
        Route("/acgs/metrics", get_metrics),
        Route("/acgs/health", get_health),
        Route("/acgs/api/v1/views/{component}/{name}", get_view),
        Route("/acgs/api/v1/operations/{component}/{name}", post_operation, methods=["POST"]),
    )


def metrics(settings: Settings) -> bytes:
    """Return every component's metrics now, in Prometheus' text format."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    for component in components():
        for collector in component.collectors(settings):
            registry.register(collector)
    return bytes(generate_latest(registry))
