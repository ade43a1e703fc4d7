"""The webhook receiver: check the signature, keep the job, answer. Scoring happens elsewhere."""

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
from infra.http import exception_handlers

PATH = "/webhooks/registry"
ENTITY, ACTION = "transition_request", "created"
MAX_BODY_BYTES = 1_000_000


def create_app(
    secret: str,
    enqueue: Callable[[int, str], bool],
    health: Callable[[], Probe],
    clock: Clock = utc_now,
) -> Starlette:
    """Return the app.

    Args:
        secret: the subscription's shared secret.
        enqueue: keeps (request id, delivery id) durably; False when it is known already.
        health: what `GET /health` answers.
        clock: for the signature's replay window.
    """

    async def receive(request: Request) -> Response:
        body = await request.body()
        if len(body) > MAX_BODY_BYTES:
            raise UsageError(f"expected at most {MAX_BODY_BYTES} bytes, found {len(body)}")
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
    )


def read_request_id(body: bytes) -> int | None:
    """Return the number of the request that was created; None for any other event.

    Raises:
        UsageError: the body is no event of the registry.
    """
    try:
        event = json.loads(body)
        if (event["entity"], event["action"]) != (ENTITY, ACTION):
            return None
        request_id = event["data"]["request_id"]
    except (ValueError, KeyError, TypeError) as err:
        raise UsageError(f"expected an event of the registry, found {body[:200]!r}") from err
    if not isinstance(request_id, int) or isinstance(request_id, bool):
        raise UsageError(f"expected data.request_id to be a number, found {request_id!r}")
    return request_id
