"""Serves lineage over HTTP: JSON for the SDK, and a page for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.clock import utc_now
from infra.errors import UsageError
from infra.settings import Settings
from registry.lineage import page
from registry.lineage.bootstrap import open_lineage
from registry.lineage.domain.moment import parse_moment
from registry.lineage.formats import svg, written
from registry.lineage.service import VersionLineage
from registry.lineage.views import impact_view, lineage_view, served_view
from registry.lineage.walk import MAX_STEPS, Reach
from registry.settings import tracking_url

DIRECTIONS = ("both", "up", "down")
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
        return lineage.of_version(
            request.path_params["name"],
            request.path_params["version"],
            **_reaches(request),
        )

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
            return page.render(found, lineage.served_spans(found.record), "../../../")

        return HTMLResponse(await run_in_threadpool(show), headers=dict(GUARDED))

    async def get_impact(request: Request) -> JSONResponse:
        origin = request.query_params.get("of", "")
        return JSONResponse(impact_view(await run_in_threadpool(lineage.impact, origin)))

    async def get_served(request: Request) -> JSONResponse:
        name, now = request.path_params["endpoint"], utc_now()
        text = request.query_params.get("at")
        # An unescaped plus sign in a query means a space.
        at = parse_moment(text.replace(" ", "+"), now) if text is not None else now
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


def _reaches(request: Request) -> dict[str, Any]:
    query = request.query_params
    direction, depth = query.get("direction", "both"), query.get("depth", str(MAX_STEPS))
    if direction not in DIRECTIONS:
        raise UsageError(f"expected direction={'|'.join(DIRECTIONS)}, found {direction[:40]!r}")
    if not (depth.isascii() and depth.isdigit() and len(depth) < 3 and 0 < int(depth) <= MAX_STEPS):
        raise UsageError(f"expected depth=1 to {MAX_STEPS}, found {depth[:40]!r}")
    reach = Reach(steps=int(depth), history=query.get("history") == "true")
    return {
        "up": reach if direction != "down" else None,
        "down": reach if direction != "up" else None,
    }
