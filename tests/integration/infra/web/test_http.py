from __future__ import annotations

import socket
import statistics
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from infra.errors import (
    ConflictError,
    NotFoundError,
    PlatformError,
    PortInUseError,
    RefusedError,
    UnavailableError,
    UsageError,
)
from infra.web import http
from tests.ports import free_port

ERRORS = {
    "refused": RefusedError,
    "usage": UsageError,
    "absent": NotFoundError,
    "conflict": ConflictError,
    "down": UnavailableError,
    "other": PlatformError,
}


async def fail(request: Request) -> PlainTextResponse:
    raise ERRORS[request.path_params["kind"]]("expected a, found b", hint="do c")


async def slow(_request: Request) -> PlainTextResponse:
    import asyncio

    await asyncio.sleep(0.6)
    return PlainTextResponse("done")


def app() -> Starlette:
    return Starlette(
        routes=[Route("/fail/{kind}", fail), Route("/slow", slow)],
        exception_handlers=http.exception_handlers(),
    )


@contextmanager
def served() -> Iterator[tuple[str, threading.Event, threading.Thread]]:
    stop, port = threading.Event(), free_port()
    thread = threading.Thread(target=http.serve, args=(app(), "127.0.0.1", port, stop))
    thread.start()
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", stop, thread
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("refused", 403),
        ("usage", 400),
        ("absent", 404),
        ("conflict", 409),
        ("down", 503),
        ("other", 500),
    ],
)
def test_errors_leave_as_json_with_the_status_of_their_kind(kind: str, status: int) -> None:
    with served() as (url, _stop, _thread):
        answer = httpx.get(f"{url}/fail/{kind}")
    assert answer.status_code == status
    assert answer.json() == {
        "error_code": ERRORS[kind].code,
        "message": "expected a, found b",
        "hint": "do c",
    }


def test_a_request_in_flight_finishes_before_the_server_ends() -> None:
    with served() as (url, stop, thread):
        threading.Timer(0.2, stop.set).start()
        assert httpx.get(f"{url}/slow").text == "done"
        thread.join(5)
        assert not thread.is_alive()


def test_a_taken_port_is_named() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"port {port}"):
            http.serve(app(), "127.0.0.1", port, threading.Event())


def test_an_app_that_fails_at_start_is_an_error_not_a_silent_end() -> None:
    stop = threading.Event()
    app_that_breaks = Starlette(lifespan=_failing_lifespan)
    with pytest.raises(UnavailableError, match="did not start"):
        http.serve(app_that_breaks, "127.0.0.1", free_port(), stop)


@asynccontextmanager
async def _failing_lifespan(app: Starlette) -> AsyncIterator[None]:
    if not app.routes:
        raise RuntimeError("no start")
    yield


def test_a_small_answer_waits_for_no_acknowledgement() -> None:
    """Without TCP_NODELAY every answer but the first few takes 40 ms longer."""
    with served() as (url, _, _), httpx.Client(base_url=url, trust_env=False) as client:
        taken = []
        for _ in range(60):
            began = time.monotonic()
            assert client.get("/fail/usage").status_code == 400
            taken.append(time.monotonic() - began)
    assert statistics.median(taken) < 0.03
