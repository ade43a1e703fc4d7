"""The routes of a model server and their handlers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from serving.runtime import seldon, v2
from serving.runtime.asgi import (
    FORM,
    ClientGoneError,
    Headers,
    Receive,
    Scope,
    Send,
    check_json_content,
    header,
    json_of_form,
    read_body,
    respond,
)
from serving.runtime.body import TURN_BYTES, parse_json
from serving.runtime.metrics import CONTENT_TYPE, Metrics
from serving.runtime.model import ServedModel
from serving.runtime.options import Identity
from serving.runtime.outputs import to_json
from serving.runtime.problem import ProblemError, model_failed

logger = logging.getLogger(__name__)

_JSON = b"application/json"
LARGE_BYTES = 1 << 18
"""Larger bodies are parsed in a thread of their own, one at a time: neither the event loop nor
the predictions of others wait for them."""
_UNREAD = object()
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


@dataclass(slots=True)
class Call:
    """One request, read whole."""

    body: bytes
    puid: str | None
    form: bool = False
    _parsed: object = _UNREAD

    def json(self, *, large: bool = False) -> object:
        """Return the body as JSON; parse it only once.

        Raises:
            ProblemError: 400, it is none.
        """
        if self._parsed is _UNREAD:
            body = json_of_form(self.body) if self.form else self.body
            self._parsed = parse_json(body, large=large)
            self.body = b""
        return self._parsed


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    body: bytes
    content_type: bytes = _JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """A path's handler; with `in_worker` it runs in a thread beside the event loop."""

    service: str
    method: str
    handle: Callable[[Call], Reply]
    in_worker: bool = False


def _refusal(problem: ProblemError, path: str, route: Route | None) -> Reply:
    body = v2.error_body(problem) if path.startswith("/v2") else problem.body()
    allow = route.method if problem.status == 405 and route else None
    return Reply(to_json(body), headers=((b"allow", allow.encode()),) if allow else ())


class App:
    """The ASGI application around one loaded model."""

    def __init__(
        self, model: ServedModel, identity: Identity, threads: int, stuck_after_seconds: float
    ) -> None:
        self._model = model
        self._identity = identity
        self._stuck_after_seconds = stuck_after_seconds
        self._metrics = Metrics(identity)
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="predict")
        self._turn = asyncio.Lock()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="read")
        self._headers: Headers = [
            (b"x-acgs-model-version", identity.model_version.encode()),
            (b"x-acgs-predictor", identity.predictor.encode()),
        ]
        self._routes = self._seldon_routes() | self._v2_routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            raise RuntimeError(f"expected http, found {scope['type']}")
        path, method = scope["path"], scope["method"]
        started = time.perf_counter()
        route = self._routes.get(path)
        service = route.service if route else "unknown"
        try:
            route = self._checked(route, path, method)
            form = method == "POST" and check_json_content(scope) == FORM
            call = Call(await read_body(receive), header(scope, b"seldon-puid"), form)
            started = time.perf_counter()
            reply = await self._run(route, call)
            status = 200
        except ProblemError as problem:
            status, reply = problem.status, _refusal(problem, path, route)
        except ClientGoneError:
            return
        except Exception as err:
            logger.exception("a request failed in the server itself")
            failure = model_failed(f"the server failed: {type(err).__name__}")
            status, reply = failure.status, _refusal(failure, path, route)
        # An invented method would create a time series of its own.
        counted = method if method in _METHODS else "other"
        self._metrics.request(service, counted, status, time.perf_counter() - started)
        headers = [(b"content-type", reply.content_type), *self._headers, *reply.headers]
        await respond(send, status, headers, reply.body)

    async def _run(self, route: Route, call: Call) -> Reply:
        if len(call.body) <= LARGE_BYTES or route.method != "POST":
            return await self._handled(route, call)
        turn = self._turn if len(call.body) > TURN_BYTES else contextlib.nullcontext()
        async with turn:
            read = partial(call.json, large=True)
            await asyncio.get_running_loop().run_in_executor(self._reader, read)
            return await self._handled(route, call)

    async def _handled(self, route: Route, call: Call) -> Reply:
        if not route.in_worker:
            return route.handle(call)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._workers, route.handle, call)

    def _checked(self, route: Route | None, path: str, method: str) -> Route:
        if route is None:
            raise ProblemError(
                404,
                "ROUTE_NOT_FOUND",
                f"no route {path!r}; this server answers {', '.join(sorted(self._routes))}",
            )
        if method != route.method:
            raise ProblemError(
                405, "METHOD_NOT_ALLOWED", f"{path}: expected {route.method}, found {method}"
            )
        return route

    def _seldon_routes(self) -> dict[str, Route]:
        predict = Route("predictions", "POST", self._predict, in_worker=True)
        feedback = Route("feedback", "POST", self._feedback)
        metadata = Route("metadata", "GET", self._metadata)
        status = Route("status", "GET", self._status)
        return {
            "/api/v1.0/predictions": predict,
            "/api/v0.1/predictions": predict,
            "/predict": predict,
            "/api/v1.0/feedback": feedback,
            "/api/v0.1/feedback": feedback,
            "/send-feedback": feedback,
            "/metadata": metadata,
            "/api/v1.0/metadata": metadata,
            "/health/ping": Route("ping", "GET", lambda _: Reply(b"pong", b"text/plain")),
            "/health/status": status,
            "/api/v1.0/health/status": status,
            "/live": Route("live", "GET", lambda _: Reply(b"live", b"text/plain")),
            "/ready": Route("ready", "GET", self._ready),
            "/metrics": Route(
                "metrics", "GET", lambda _: Reply(self._metrics.page(), CONTENT_TYPE.encode())
            ),
        }

    def _v2_routes(self) -> dict[str, Route]:
        name, version = self._identity.model_name, self._identity.model_version
        routes = {
            "/v2": Route("v2-server", "GET", self._v2_server),
            "/v2/health/live": Route("live", "GET", lambda _: Reply(to_json({"live": True}))),
            "/v2/health/ready": Route("ready", "GET", self._v2_ready),
        }
        for base in (f"/v2/models/{name}", f"/v2/models/{name}/versions/{version}"):
            routes[base] = Route("metadata", "GET", self._v2_model)
            routes[f"{base}/ready"] = Route("ready", "GET", self._v2_ready)
            routes[f"{base}/infer"] = Route("infer", "POST", self._infer, in_worker=True)
        return routes

    def _predict(self, call: Call) -> Reply:
        request = seldon.parse(call.json(), call.puid)
        raw = self._model.predict(request.payload, request.params)
        response = seldon.respond(request, raw, self._identity)
        return Reply(to_json(response), headers=((b"seldon-puid", request.puid.encode()),))

    def _infer(self, call: Call) -> Reply:
        request = v2.parse(call.json())
        raw = self._model.predict(request.payload, request.params)
        return Reply(to_json(v2.respond(raw, request, self._model.signature, self._identity)))

    def _feedback(self, call: Call) -> Reply:
        self._metrics.feedback(seldon.feedback_reward(call.json()))
        return Reply(to_json({"meta": {"tags": seldon.own_tags(self._identity)}}))

    def _metadata(self, _: Call) -> Reply:
        return Reply(to_json(seldon.metadata(self._model.signature, self._identity)))

    def _check_ready(self) -> None:
        seconds = self._model.running_seconds()
        if seconds > self._stuck_after_seconds:
            raise ProblemError(
                503, "MODEL_STUCK", f"a prediction has been running for {seconds:.0f} s"
            )

    def _ready(self, _: Call) -> Reply:
        self._check_ready()
        return Reply(b"ready", b"text/plain")

    def _status(self, _: Call) -> Reply:
        self._check_ready()
        state = {"model": self._identity.model_name, "ready": True}
        return Reply(
            to_json({"jsonData": state, "meta": {"tags": seldon.own_tags(self._identity)}})
        )

    def _v2_server(self, _: Call) -> Reply:
        about = {"name": "acgs-serving-runtime", "version": "1", "extensions": []}
        return Reply(to_json(about))

    def _v2_ready(self, _: Call) -> Reply:
        self._check_ready()
        return Reply(to_json({"ready": True}))

    def _v2_model(self, _: Call) -> Reply:
        return Reply(to_json(v2.model_metadata(self._model.signature, self._identity)))
