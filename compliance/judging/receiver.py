"""The webhook receiver: checks the signature, queues the job, answers. The worker scores."""

from __future__ import annotations

import json
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra import signing
from infra.clock import Clock, utc_now
from infra.component import Health, Probe
from infra.errors import UsageError
from infra.web.edge import Edge
from infra.web.http import exception_handlers
from infra.web.protection import protection

PATH = "/webhooks/registry"
ENTITY, ACTION = "transition_request", "created"
_MAX_ID = 2**63 - 1
"""Largest number that a column of the database holds."""


def create_app(
    secret: str,
    enqueue: Callable[[int, str], bool],
    health: Callable[[], Probe],
    clock: Clock = utc_now,
    edge: Edge | None = None,
) -> Starlette:
    """Return the app.

    Args:
        secret: the subscription's shared secret.
        enqueue: stores (request id, delivery id) durably; returns False when it is known already.
        health: what `GET /health` answers.
        clock: for the signature's replay window.
        edge: limits of a request.
    """

    async def receive(request: Request) -> Response:
        body = await request.body()
        delivery_id = signing.verify(secret, request.headers, body, clock().timestamp())
        request_id = read_request_id(body)
        if request_id is None:
            return JSONResponse({"ignored": True})
        is_new = await run_in_threadpool(enqueue, request_id, delivery_id)
        return JSONResponse({"request_id": request_id, "new": is_new}, status_code=202)

    def tell_health(_request: Request) -> Response:
        probe = health()
        status = 200 if probe.health is Health.OK else 503
        return JSONResponse({"status": probe.health.value, "detail": probe.detail}, status)

    return Starlette(
        routes=[
            Route(PATH, receive, methods=["POST"]),
            Route("/health", tell_health, methods=["GET"]),
        ],
        exception_handlers=exception_handlers(),
        middleware=protection(edge or Edge()),
    )


def read_request_id(body: bytes) -> int | None:
    """Return the id of the request that was created; None for any other event.

    Raises:
        UsageError: the body is no event of the registry.
    """
    try:
        event = json.loads(body)
        if (event["entity"], event["action"]) != (ENTITY, ACTION):
            return None
        request_id = event["data"]["request_id"]
    except (ValueError, KeyError, TypeError, RecursionError) as err:
        raise UsageError(f"expected an event of the registry, found {body[:200]!r}") from err
    if type(request_id) is int and 0 < request_id <= _MAX_ID:
        return request_id
    raise UsageError(f"expected data.request_id to be a number, found {str(request_id)[:40]!r}")
