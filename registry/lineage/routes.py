"""Lineage over HTTP: JSON for the SDK, and a page for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from infra.clock import utc_now
from infra.errors import UsageError
from infra.settings import Settings
from registry.lineage.bootstrap import open_lineage
from registry.lineage.domain.moment import parse_moment
from registry.lineage.naming import version_spec
from registry.lineage.service import VersionLineage
from registry.lineage.views import impact_view, lineage_view, served_view
from registry.lineage.walk import MAX_STEPS, Reach

DIRECTIONS = ("both", "up", "down")


def routes(settings: Settings) -> Sequence[BaseRoute]:
    """Return the routes; nothing is opened before the first call."""
    lineage = open_lineage(settings)

    def read(request: Request) -> VersionLineage:
        return lineage.of_version(
            request.path_params["name"],
            version_spec(request.path_params["version"]),
            **_reaches(request),
        )

    async def get_lineage(request: Request) -> JSONResponse:
        return JSONResponse(lineage_view(await run_in_threadpool(read, request)))

    async def get_impact(request: Request) -> JSONResponse:
        origin = request.query_params.get("of", "")
        return JSONResponse(impact_view(await run_in_threadpool(lineage.impact, origin)))

    async def get_served(request: Request) -> JSONResponse:
        name, now = request.path_params["endpoint"], utc_now()
        text = request.query_params.get("at")
        # A plus sign in a query is a space, if nobody escaped it.
        at = parse_moment(text.replace(" ", "+"), now) if text is not None else now
        found = await run_in_threadpool(lineage.served, name, at)
        return JSONResponse(served_view(name, at, found))

    return (
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
