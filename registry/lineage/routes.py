"""Serves lineage over HTTP: JSON for the SDK, and a page for people."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.identity.open_mode import notice
from infra.settings import Settings
from registry.lineage import page
from registry.lineage.bootstrap import open_lineage
from registry.lineage.formats import svg, written
from registry.lineage.queries import moment_of, of_version
from registry.lineage.service import VersionLineage
from registry.lineage.views import impact_view, lineage_view, served_view
from registry.settings import tracking_url

GUARDED = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'",
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
}
"""Nothing in a page or a picture may run, even if a model's name is a script."""


def routes(settings: Settings) -> Sequence[BaseRoute]:
    """Return the routes; nothing is opened until the first call."""
    lineage = open_lineage(settings)

    def read(request: Request) -> VersionLineage:
        return of_version(lineage, {**request.query_params, **request.path_params})

    async def get_lineage(request: Request) -> JSONResponse:
        return JSONResponse(lineage_view(await run_in_threadpool(read, request)))

    async def get_openlineage(request: Request) -> Response:
        def events() -> str:
            return written(read(request), "openlineage", tracking_url(settings))

        return Response(await run_in_threadpool(events), media_type="application/x-ndjson")

    async def get_picture(request: Request) -> Response:
        def draw() -> str:
            found = read(request)
            return svg.draw(found.graph, found.start, "../../../../", fit=True)

        return Response(
            await run_in_threadpool(draw), media_type="image/svg+xml", headers=dict(GUARDED)
        )

    async def get_page(request: Request) -> Response:
        def show() -> str:
            found = read(request)
            spans = lineage.served_spans(found.record)
            return page.render(found, spans, "../../../", notice(settings))

        return HTMLResponse(await run_in_threadpool(show), headers=dict(GUARDED))

    async def get_impact(request: Request) -> JSONResponse:
        origin = request.query_params.get("of", "")
        return JSONResponse(impact_view(await run_in_threadpool(lineage.impact, origin)))

    async def get_served(request: Request) -> JSONResponse:
        name, at = request.path_params["endpoint"], moment_of(request.query_params)
        found = await run_in_threadpool(lineage.served, name, at)
        return JSONResponse(served_view(name, at, found))

    return (
        Route("/acgs/lineage/{name}/{version}", get_page),
        Route("/acgs/lineage/{name}/{version}/picture.svg", get_picture),
        Route("/acgs/api/v1/lineage/{name}/{version}/openlineage", get_openlineage),
        Route("/acgs/api/v1/lineage/{name}/{version}", get_lineage),
        Route("/acgs/api/v1/impact", get_impact),
        Route("/acgs/api/v1/served/{endpoint}", get_served),
    )
