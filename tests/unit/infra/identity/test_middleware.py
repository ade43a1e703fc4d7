from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from infra.errors import PlatformError, UnauthenticatedError
from infra.identity.current import current_caller
from infra.identity.errors import IdentitySourceError
from infra.identity.middleware import Identified, is_unprotected
from infra.identity.principal import Principal, Source
from infra.identity.sources import Authenticator, Claims, Sources
from infra.web.edge import Edge
from infra.web.protection import protection

PATHS = [
    "/api/2.0/mlflow/runs/create",
    "/ajax-api/2.0/mlflow/runs/create",
    "/api/2.0/mlflow-artifacts/artifacts/x",
    "/acgs/api/v1/events",
    "/acgs/metrics",
    "/",
    "/graphql",
    "/health/../api",
    "/static-filesx",
]


class Stubborn:
    """A source that answers always the same."""

    source = Source.JWT
    challenge = 'Bearer realm="acgs"'
    hidden_headers: tuple[str, ...] = ("X-Secret",)

    def __init__(self, answer: PlatformError | Principal | None, *, blocking: bool = False) -> None:
        self.answer, self.blocking = answer, blocking

    def check(self) -> str:
        return "a test's"

    def blocks(self, _asked: object) -> bool:
        return self.blocking

    def authenticate(self, _asked: object) -> Principal | None:
        if isinstance(self.answer, PlatformError):
            raise self.answer
        return self.answer


def call(source: Authenticator, path: str, method: str = "GET", **more: Any) -> httpx.Response:
    async def show(request: Request) -> JSONResponse:
        caller = await run_in_threadpool(current_caller)
        seen = "x-secret" in request.headers
        shown = {"actor": caller.actor if caller else None}
        return JSONResponse(shown | ({"secret": "seen"} if seen else {}))

    app = Starlette(
        routes=[Route("/{path:path}", show, methods=["GET", "POST", "PUT", "DELETE"])],
        middleware=protection(Edge(), doors=[Middleware(Identified, sources=Sources([source]))]),
    )

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **more)

    return asyncio.run(send())


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_nobody_passes_any_door_without_a_credential(path: str, method: str) -> None:
    answer = call(Stubborn(None), path, method)

    assert answer.status_code == 401
    assert "auth.missing" in answer.text
    assert answer.headers["www-authenticate"] == 'Bearer realm="acgs"'


@pytest.mark.parametrize("path", ["/health", "/version", "/acgs/ready", "/static-files/a.js"])
def test_whether_a_server_is_there_is_answered_to_everybody(path: str) -> None:
    assert call(Stubborn(None), path).json() == {"actor": None}
    assert call(Stubborn(None), path, "POST").status_code == 401


@pytest.mark.parametrize("blocking", [False, True])
def test_the_app_and_its_threads_know_who_asks(blocking: bool) -> None:
    alice = Stubborn(Principal("alice", source=Source.JWT), blocking=blocking)

    assert call(alice, "/").json() == {"actor": "alice@127.0.0.1"}


def test_an_open_server_names_callers_as_they_do_and_from_where() -> None:
    header = {"authorization": "Basic " + base64.b64encode(b"bob:").decode()}

    assert call(Claims(), "/", headers=header).json() == {"actor": "bob@127.0.0.1"}
    assert call(Claims(), "/").json() == {"actor": "anonymous@127.0.0.1"}


def test_mlflow_clients_see_the_message_and_the_code() -> None:
    refused = Stubborn(UnauthenticatedError("expected a, found b", hint="do c"))

    found = call(refused, "/api/2.0/mlflow/runs/get").json()

    assert found["error_code"] == "UNAUTHENTICATED"
    assert found["acgs_code"] == "auth.refused"
    assert found["message"] == "[auth.refused] expected a, found b\n  what to do: do c"


def test_our_own_routes_answer_in_the_platform_s_shape() -> None:
    answer = call(Stubborn(UnauthenticatedError("expected a, found b")), "/acgs/api/v1/events")

    assert answer.json() == {
        "error_code": "auth.refused",
        "message": "expected a, found b",
        "hint": None,
    }
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("path", ["/api/2.0/mlflow/runs/get", "/acgs/api/v1/events"])
def test_a_source_that_is_away_lets_nobody_in_and_says_to_try_again(path: str) -> None:
    answer = call(Stubborn(IdentitySourceError("expected keys, found no answer")), path)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert "www-authenticate" not in answer.headers


def test_a_body_is_not_read_for_a_stranger() -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 1024

    answer = call(Stubborn(None), "/api/2.0/mlflow/runs/create", "POST", content=endless())

    assert answer.status_code == 401
    assert sent == 0


def test_a_secret_that_many_requests_share_goes_no_further() -> None:
    alice = Stubborn(Principal("alice", source=Source.JWT))

    assert call(alice, "/", headers={"x-secret": "s"}).json() == {"actor": "alice@127.0.0.1"}


@pytest.mark.parametrize(
    "path",
    [
        "/api/2.0/mlflow-artifacts/artifacts/1/mlflow/server-info",
        "/ajax-api/2.0/mlflow-artifacts/artifacts/x/api/3.0/mlflow/server-info",
        "/api/3.0/mlflow/server-info/",
        "/x/api/3.0/mlflow/server-info",
        "/health/mlflow/server-info",
    ],
)
def test_a_path_that_ends_like_a_public_one_is_none(path: str) -> None:
    assert not is_unprotected("GET", path)
    assert is_unprotected("GET", "/api/3.0/mlflow/server-info")
    assert is_unprotected("GET", "/ajax-api/3.0/mlflow/server-info")
