"""Lets a caller wait for a pending request without holding a thread or a session.

The store answers a pending request at once (409 with the request's number). This ASGI
middleware keeps the caller's connection, watches the request, and when it is decided either
replays the call, which the store now answers, or answers with the refusal.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterable

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.errors import PlatformError
from infra.web.bodies import read_body
from infra.web.errors import BodyTooLargeError
from infra.web.http import error_response
from registry.bootstrap import Registry
from registry.domain.records import Request
from registry.domain.values import RequestState
from registry.gate.outcome import is_worth_waiting, refusal, settled
from registry.plugin.mlflow_errors import PENDING_KEY, to_mlflow
from registry.settings import RegistrySettings

_GATED_PATHS = (
    "/mlflow/model-versions/transition-stage",
    "/mlflow/model-versions/create",
    "/mlflow/registered-models/alias",
    "/mlflow/registered-models/rename",
)
_POLL_SECONDS = 0.03
_BODY_LIMIT_BYTES = 1 << 20

_logger = logging.getLogger(__name__)


class WaitForVerdict:
    """ASGI middleware around MLflow's app."""

    def __init__(self, app: ASGIApp, registry: Registry) -> None:
        self.app = app
        self.watcher = Watcher(registry)
        self.wait_seconds = registry.gate.settings.of(RegistrySettings).gate_wait_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything through except a gated call that is pending."""
        path = str(scope.get("path", ""))
        if (
            scope["type"] != "http"
            or scope["method"] not in {"POST", "PATCH", "PUT"}
            or not path.endswith(_GATED_PATHS)
        ):
            await self.app(scope, receive, send)
            return
        try:
            body = await read_body(receive, _BODY_LIMIT_BYTES)
        except BodyTooLargeError as err:
            await error_response(err)(scope, receive, send)
            return
        if body is None:  # the caller has disconnected
            return
        deadline = time.monotonic() + self.wait_seconds
        while True:
            response = await _call(self.app, scope, body)
            request_id = _pending_id(response)
            if request_id is None or time.monotonic() >= deadline:
                break
            request = await self.watcher.wait(request_id, deadline)
            if request is None or request.state is RequestState.OPEN:
                # The note of what is waited for may be newer than the first answer.
                response = await _call(self.app, scope, body)
                break
            if request.state is not RequestState.GRANTED:
                response = _outcome_response(request)
                break
        for message in response:
            await send(message)


class Watcher:
    """Polls with one query for all waiting callers."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._waiting: dict[int, set[asyncio.Future[Request | None]]] = {}
        self._task: asyncio.Task[None] | None = None

    async def wait(self, request_id: int, deadline: float) -> Request | None:
        """Return the request once no machine works on it; None at the deadline."""
        future: asyncio.Future[Request | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(request_id, set()).add(future)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())
        try:
            return await asyncio.wait_for(future, max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            return None
        finally:
            waiting = self._waiting.get(request_id, set())
            waiting.discard(future)
            if not waiting:
                self._waiting.pop(request_id, None)

    async def _watch(self) -> None:
        while self._waiting:
            try:
                found = await run_in_threadpool(self._read, list(self._waiting))
            except PlatformError as err:
                _logger.warning("waiting callers could not be looked up: %s", err)
                found = []
            for request in found:
                if not is_worth_waiting(request):
                    for future in self._waiting.get(request.id, set()):
                        if not future.done():
                            future.set_result(request)
            await asyncio.sleep(_POLL_SECONDS)

    def _read(self, ids: Iterable[int]) -> list[Request]:
        return self.registry.gate.requests_by_id(list(ids))


async def _call(app: ASGIApp, scope: Scope, body: bytes) -> list[Message]:
    """Call the inner app with a buffered body and return its buffered response."""
    messages: list[Message] = []
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    # The inner app may write into the scope (path, route): each call gets its own.
    await app({**scope, "state": dict(scope.get("state", {}))}, receive, send)
    return messages


def _pending_id(response: list[Message]) -> int | None:
    if not response or response[0].get("status") != 409:
        return None
    body = b"".join(message.get("body", b"") for message in response[1:])
    try:
        return int(json.loads(body)[PENDING_KEY])
    except (ValueError, KeyError, TypeError):
        return None


def _outcome_response(request: Request) -> list[Message]:
    try:
        settled(request)
        error: PlatformError = refusal(request)
    except PlatformError as err:
        error = err
    exception = to_mlflow(error)
    return _messages(exception.get_http_status_code(), exception.serialize_as_json().encode())


def _messages(status: int, body: bytes) -> list[Message]:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    return [
        {"type": "http.response.start", "status": status, "headers": headers},
        {"type": "http.response.body", "body": body},
    ]
