"""Slow and many clients, on a real server with short limits."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from infra.web.edge import ClientLimits, Edge
from infra.web.guard import LINGER_SECONDS
from infra.web.protection import protection
from tests.ports import free_port
from tests.support import serving_app
from tests.support.raw_http import (
    answer_of,
    ask,
    connected,
    head,
    in_chunks,
    seconds_until_closed,
    told,
)

MIB = 1 << 20
LIMITS = ClientLimits(
    header_seconds=1.0,
    stall_seconds=1.5,
    floor_bytes_per_second=100,
    connections=40,
    connections_per_peer=30,
)
EDGE = Edge(body_limit_bytes=MIB, clients=LIMITS, origins=("https://app.example.org",))
CLOSED_SECONDS = 3.2
"""The longest of the times above, a sweep, and the linger."""


async def count(request: Request) -> Response:
    total = 0
    async for piece in request.stream():
        total += len(piece)
    return JSONResponse({"bytes": total})


async def large(_request: Request) -> Response:
    return PlainTextResponse(b"x" * (32 * MIB))


async def slow(_request: Request) -> Response:
    await asyncio.sleep(3)
    return PlainTextResponse("done")


async def early(_request: Request) -> Response:
    return PlainTextResponse("no", status_code=403, headers={"connection": "close"})


@contextlib.contextmanager
def served(edge: Edge = EDGE) -> Iterator[int]:
    app = Starlette(
        routes=[
            Route("/count", count, methods=["POST", "PUT", "GET"]),
            Route("/large", large),
            Route("/slow", slow, methods=["GET", "POST"]),
            Route("/early", early, methods=["PUT"]),
        ],
        middleware=protection(edge, streamed=lambda scope: scope["method"] == "PUT"),
    )
    with serving_app.served(app, edge) as port:
        yield port


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with served() as number:
        yield number


HEAD = b"POST /count HTTP/1.1\r\nHost: 127.0.0.1\r\n"
SLOW_CLIENTS: dict[str, tuple[bytes, bytes]] = {
    "never says anything": (b"", b""),
    "sends half of its headers": (HEAD, b""),
    "drips its headers": (HEAD, b"x-long: " + b"a" * 100),
    "never sends its body": (HEAD + b"content-length: 1000\r\n\r\n", b""),
    "drips its body": (HEAD + b"content-length: 1000\r\n\r\n", b"a" * 100),
    "drips a chunked body": (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"3e8\r\n" + b"a" * 99),
    "drips a streamed upload": (
        b"PUT /count HTTP/1.1\r\nHost: 127.0.0.1\r\ncontent-length: 1000\r\n\r\n",
        b"a" * 100,
    ),
}


@pytest.mark.parametrize("name", SLOW_CLIENTS)
def test_a_slow_client_is_dropped(name: str, port: int) -> None:
    first, drip = SLOW_CLIENTS[name]
    with connected(port) as client:
        client.sendall(first)
        assert seconds_until_closed(client, 2 * CLOSED_SECONDS, drip) < 2 * CLOSED_SECONDS


def test_a_client_that_stalled_is_answered_408(port: int) -> None:
    with connected(port) as client:
        client.sendall(HEAD + b"content-length: 1000\r\n\r\nabc")
        status, body = answer_of(client)
    assert (status, told(body)["error_code"]) == (408, "infra.too_slow")


def test_a_second_request_that_never_ends_is_dropped_too(port: int) -> None:
    with connected(port) as client:
        client.sendall(HEAD + b"content-length: 2\r\n\r\nab")
        assert answer_of(client)[0] == 200
        client.sendall(HEAD)
        assert seconds_until_closed(client, 2 * CLOSED_SECONDS) < 2 * CLOSED_SECONDS


def test_a_client_that_reads_no_answer_is_dropped(port: int) -> None:
    with connected(port, receive_bytes=4096) as client:
        client.sendall(head("GET", "/large", port))
        time.sleep(2 * CLOSED_SECONDS)
        client.settimeout(2)
        received = 0
        with contextlib.suppress(ConnectionError):
            while piece := client.recv(1 << 20):
                received += len(piece)
        assert received < 32 * MIB


def _upload(port: int) -> int:
    """Send 8 kB in 4 s: slow, but above the floor in every window."""
    with connected(port) as client:
        client.sendall(head("PUT", "/count", port, "content-length: 8000"))
        for _ in range(40):
            client.sendall(b"a" * 200)
            time.sleep(0.1)
        return answer_of(client)[0]


def _download(port: int) -> int:
    """Read a large answer at some 6 MB/s."""
    with connected(port, receive_bytes=1 << 16) as client:
        client.sendall(head("GET", "/large", port))
        received = 0
        while received < 32 * MIB:
            received += len(client.recv(1 << 18))
            time.sleep(0.01)
        return 200


def _wait(port: int) -> int:
    """Wait for an app that takes longer than any client may."""
    return httpx.get(f"http://127.0.0.1:{port}/slow", trust_env=False).status_code


def _again(port: int) -> int:
    """Ask every now and then over one connection, for longer than a request may take."""
    with httpx.Client(trust_env=False) as client:
        for _ in range(20):
            found = client.post(f"http://127.0.0.1:{port}/count", content=b"ab").status_code
            time.sleep(0.1)
    return found


def _continue(port: int) -> int:
    """Send the body once the server asks for it."""
    with connected(port) as client:
        client.sendall(head("POST", "/count", port, "content-length: 2", "expect: 100-continue"))
        assert client.recv(100).startswith(b"HTTP/1.1 100")
        client.sendall(b"ab")
        return answer_of(client)[0]


@pytest.mark.parametrize("ask_honestly", [_upload, _download, _wait, _again, _continue])
def test_an_honest_client_is_served(ask_honestly: Callable[[int], int], port: int) -> None:
    assert ask_honestly(port) == 200


def test_idle_connections_of_one_peer_starve_nobody() -> None:
    with served() as port, contextlib.ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(connected(port))
        began = time.monotonic()
        for _ in range(20):
            assert _post(port) == 200
        assert time.monotonic() - began < LIMITS.header_seconds


def _post(port: int) -> int:
    return ask(port, head("POST", "/count", port, "content-length: 2") + b"ab")[0]


def test_a_server_whose_connections_are_all_busy_says_so() -> None:
    with served() as port, contextlib.ExitStack() as stack:
        for _ in range(LIMITS.connections_per_peer):
            client = stack.enter_context(connected(port))
            client.sendall(head("GET", "/slow", port))
        time.sleep(0.3)
        with connected(port) as client:
            status, body = answer_of(client)
    assert (status, told(body)["error_code"]) == (503, "infra.server_full")


FEW_FILES = """
import resource, threading
resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from infra.web import http
app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("here"))])
http.serve(app, "127.0.0.1", {port}, threading.Event())
"""


def test_a_server_that_may_open_few_files_still_answers() -> None:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", FEW_FILES.format(port=port)])
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        with contextlib.ExitStack() as stack:
            for _ in range(600):
                stack.enter_context(connected(port))
            began = time.monotonic()
            assert ask(port, head("GET", "/", port)) == (200, b"here")
            assert time.monotonic() - began < 2
    finally:
        process.kill()
        process.wait()


def test_a_client_reads_the_refusal_of_a_body_that_it_goes_on_sending(port: int) -> None:
    with connected(port) as client:
        client.sendall(head("PUT", "/early", port, f"content-length: {8 * MIB}"))
        for _ in range(8):
            client.sendall(b"a" * MIB)
        assert answer_of(client)[0] == 403


def test_an_endless_body_that_nobody_wants_is_cut(port: int) -> None:
    with connected(port) as client:
        client.sendall(head("PUT", "/early", port, "transfer-encoding: chunked"))
        began = time.monotonic()
        in_chunks(client, 1 << 40)
        assert time.monotonic() - began < 3 * LINGER_SECONDS


_Ask = Callable[[int], tuple[int, bytes]]


def _asking(*lines: str, body: bytes = b"", host: str | None = None, method: str = "POST") -> _Ask:
    def run(port: int) -> tuple[int, bytes]:
        return ask(port, head(method, "/count", port, *lines, host=host) + body)

    return run


def _chunked(size: int) -> _Ask:
    def run(port: int) -> tuple[int, bytes]:
        with connected(port) as client:
            client.sendall(head("POST", "/count", port, "transfer-encoding: chunked"))
            in_chunks(client, size)
            return answer_of(client)

    return run


def _sending(body: bytes, *lines: str) -> _Ask:
    return _asking(f"content-length: {len(body)}", *lines, body=body)


BOMB = gzip.compress(b"\0" * (4 * MIB))
WIDE = b"[" + b"[]," * 300_000 + b"[]]"
_with = partial(_asking, "content-length: 2", body=b"ab")

REQUESTS: dict[str, tuple[_Ask, int, str]] = {
    "a declared body beyond the limit": (
        _asking(f"content-length: {1 << 40}"), 413, "infra.body_too_large",
    ),
    "a chunked body beyond the limit": (_chunked(4 * MIB), 413, "infra.body_too_large"),
    "a body that unpacks beyond the limit": (
        _asking(f"content-length: {len(BOMB)}", "content-encoding: gzip", body=BOMB),
        413, "infra.body_too_large",
    ),
    "a body at the limit": (_chunked(MIB), 200, ""),
    "10,000 brackets": (
        _asking("content-length: 10000", body=b"[" * 10_000), 400, "infra.nesting_too_deep",
    ),
    "10,000 brackets that are closed": (
        _asking("content-length: 20000", body=b"[" * 10_000 + b"]" * 10_000),
        400, "infra.nesting_too_deep",
    ),
    "10,000 objects": (
        _asking("content-length: 50000", body=b'{"a":' * 10_000), 400, "infra.nesting_too_deep",
    ),
    "brackets in a text": (
        _asking("content-length: 10004", body=b'["' + b"[" * 10_000 + b'"]'), 200, "",
    ),
    "many arrays side by side": (
        _asking("content-length: 40004", body=b"[" + b"[1]," * 10_000 + b"0] "), 200, "",
    ),
    "a million small values": (_sending(WIDE), 400, "infra.too_many_values"),
    "a million small values of another type": (
        _sending(WIDE, "content-type: multipart/form-data; boundary=x"),
        400, "infra.too_many_values",
    ),
    "a million small values, packed": (
        _sending(gzip.compress(WIDE), "content-encoding: gzip"), 400, "infra.too_many_values",
    ),
    "as many values as an honest call may have": (_sending(b"[" + b"1," * 90_000 + b"1]"), 200, ""),
    "no host that is ours": (_with(host="evil.example"), 403, "infra.host_not_allowed"),
    "an address that is not ours": (_with(host="10.0.0.1"), 403, "infra.host_not_allowed"),
    "a name made like an address": (
        _with(host="127.0.0.1.evil.example"), 403, "infra.host_not_allowed",
    ),
    "a name behind what looks like this server's": (
        _with(host="127.0.0.1:80@evil.example"), 403, "infra.host_not_allowed",
    ),
    "an empty host": (_with(host=""), 403, "infra.host_not_allowed"),
    "localhost": (_with(host="LOCALHOST:1"), 200, ""),
    "a foreign page": (
        _asking("content-length: 2", "origin: https://evil.example", body=b"ab"),
        403, "infra.origin_not_allowed",
    ),
    "a page without an origin": (
        _asking("content-length: 2", "origin: null", body=b"ab"), 403, "infra.origin_not_allowed",
    ),
    "an allowed page": (
        _asking("content-length: 2", "origin: https://app.example.org", body=b"ab"), 200, "",
    ),
    "a page of its own": (
        _asking("content-length: 2", "origin: http://me:1", body=b"ab", host="me:1"),
        403, "infra.host_not_allowed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_gets_its_status(name: str, port: int) -> None:
    run, status, code = REQUESTS[name]
    found, body = run(port)
    assert found == status, body
    if code:
        assert told(body)["error_code"] == code
        assert told(body)["message"]


CHUNKED = ("transfer-encoding: chunked",)
UNCLEAR: dict[str, tuple[tuple[str, ...], bytes]] = {
    "a length and chunks": (("content-length: 5", *CHUNKED), b"0\r\n\r\nGET"),
    "chunks and a length": ((*CHUNKED, "content-length: 0"), b"0\r\n\r\n"),
    "a chunk of 17 digits": (CHUNKED, b"fffffffffffffffff\r\n"),
    "a chunk of 16 digits": (CHUNKED, b"ffffffffffffffff\r\n"),
    "a chunk whose size wraps": (CHUNKED, b"10000000000000002\r\nab\r\n0\r\n\r\n"),
    "a chunk of 40 digits": (CHUNKED, b"f" * 40 + b"\r\n"),
    "a negative chunk": (CHUNKED, b"-1\r\n"),
    "a second chunk without end": (CHUNKED, b"2\r\nab\r\nfffffffffffffffff\r\nab"),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_a_body_whose_end_is_unclear_is_refused_at_once_and_ends_the_connection(
    name: str, port: int
) -> None:
    lines, rest = UNCLEAR[name]
    with connected(port) as client:
        began = time.monotonic()
        client.sendall(head("POST", "/count", port, *lines) + rest)
        assert answer_of(client)[0] == 400
        assert client.recv(1) == b""
        assert time.monotonic() - began < 2
