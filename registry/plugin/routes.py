"""Serves the registry's own HTTP routes, below `/acgs`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from infra.errors import UnavailableError
from infra.operation_arguments import MAX_NUMBER
from infra.settings import Settings
from registry.bootstrap import open_registry
from registry.domain.records import Request as RequestRecord
from registry.errors import UnknownRequestError
from registry.plugin.boot import nonce
from registry.versions.adapters.lists import PAGE
from registry.views import reads
from registry.views.people import whole_request_view
from registry.views.reads import number
from registry.views.records import event_view, request_view, version_view


def request_number(text: str) -> int:
    """Return the number of a request in a path.

    Raises:
        UnknownRequestError: it is none.
    """
    # Compared as text first: Python reads no number of more than 4300 digits.
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_NUMBER))) or (
        int(text) > MAX_NUMBER
    ):
        raise UnknownRequestError(f"expected the number of a request, found {text[:40]!r}")
    return int(text)


def routes(settings: Settings) -> Sequence[BaseRoute]:
    """Return the routes; nothing is opened until the first call."""
    registry = open_registry(settings)

    def ready() -> dict[str, Any]:
        from mlflow.server.handlers import _get_model_registry_store

        from registry.plugin.store import GovernedStore

        found = _get_model_registry_store()
        if not isinstance(found, GovernedStore):
            raise UnavailableError(
                f"expected the governed store, found {type(found).__name__}",
                hint="start the server with acgs up",
            )
        found.search_registered_models(max_results=1)
        governance = registry.governance.current()
        return {
            "boot": nonce(),
            "constitutional_hash": governance.constitutional_hash,
            "constitution_digest": governance.constitution_digest,
        }

    async def get_ready(_request: Request) -> JSONResponse:
        return JSONResponse(await run_in_threadpool(ready))

    async def get_versions(request: Request) -> JSONResponse:
        name = request.path_params["name"]
        below, limit = (
            number(request.query_params, "below", MAX_NUMBER),
            number(request.query_params, "limit", PAGE),
        )

        def read() -> list[dict[str, Any]]:
            found = registry.versions.versions(name, below=below, limit=min(limit, PAGE))
            if not found:
                registry.versions.version_page(
                    name, limit=1
                )  # raises for a model that is not there
            return [version_view(registry, record) for record in found]

        return JSONResponse({"versions": await run_in_threadpool(read)})

    async def get_version(request: Request) -> JSONResponse:
        name, which = request.path_params["name"], request.path_params["version"]

        def read() -> dict[str, Any]:
            record = registry.versions.find_version(name, which)
            return {
                "version": version_view(registry, record),
                "requests": [
                    request_view(item)
                    for item in reversed(registry.gate.requests(version_uid=record.uid))
                ],
                "held_by": [asdict(reason) for reason in registry.blockers.of_version(record)],
            }

        return JSONResponse(await run_in_threadpool(read))

    async def get_diff(request: Request) -> JSONResponse:
        asked = {**request.query_params, **request.path_params}
        return JSONResponse(await run_in_threadpool(reads.diff, registry, asked))

    async def get_bill(request: Request) -> JSONResponse:
        return JSONResponse(await run_in_threadpool(reads.bom, registry, request.path_params))

    async def get_request(request: Request) -> JSONResponse:
        request_id = request_number(request.path_params["id"])

        def read() -> dict[str, Any]:
            return whole_request_view(registry, registry.gate.get_request(request_id))

        return JSONResponse(await run_in_threadpool(read))

    async def get_requests(request: Request) -> JSONResponse:
        name = request.query_params.get("name")
        after = number(request.query_params, "after", 0)

        def read() -> Sequence[RequestRecord]:
            return registry.gate.requests(name, after_id=after, limit=PAGE)

        found = await run_in_threadpool(read)
        return JSONResponse({"requests": [request_view(item) for item in found]})

    async def get_events(request: Request) -> JSONResponse:
        after = number(request.query_params, "after", 0)
        name = request.query_params.get("name")
        found = await run_in_threadpool(registry.audit.events, after, name)
        return JSONResponse({"events": [event_view(event) for event in found]})

    return (
        Route("/acgs/ready", get_ready),
        Route("/acgs/api/v1/models/{name}/versions", get_versions),
        Route("/acgs/api/v1/models/{name}/versions/{version}", get_version),
        Route("/acgs/api/v1/models/{name}/versions/{version}/diff", get_diff),
        Route("/acgs/api/v1/models/{name}/versions/{version}/bom", get_bill),
        Route("/acgs/api/v1/requests", get_requests),
        Route("/acgs/api/v1/requests/{id}", get_request),
        Route("/acgs/api/v1/events", get_events),
    )
