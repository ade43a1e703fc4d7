"""Hostile and slow clients of the gateway: a real Envoy before a server that says what came."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from infra.processes.process import children
from infra.settings import Settings
from serving.domain.routing import Backend, DeploymentRoute
from serving.gateway import envoy_bootstrap, envoy_config, envoy_edge
from serving.gateway.envoy import EnvoyGateway
from serving.settings import ServingSettings, gateway_url
from tests.integration.serving.kit import gateway, wait_until
from tests.ports import free_ports
from tests.support import serving_app
from tests.support.raw_http import (
    answer_of,
    ask,
    connected,
    head,
    in_chunks,
    resident_bytes,
    seconds_until_closed,
    told,
)

MIB = 1 << 20
LIMIT_BYTES = 8 * MIB
HEADER_SECONDS, REQUEST_SECONDS, IDLE_SECONDS, STREAM_IDLE_SECONDS = 1, 2, 3, 4
PREFIX = "/seldon/acgs/credit"
ORIGIN = "https://app.example.org"


async def echo(request: Request) -> Response:
    body = await request.body()
    return JSONResponse({"bytes": len(body), "headers": dict(request.headers)})


async def large(_request: Request) -> Response:
    return PlainTextResponse(b"x" * (32 * MIB))


async def slow(_request: Request) -> Response:
    import asyncio

    await asyncio.sleep(1.0)
    return PlainTextResponse("done")


def routes_to(server_port: int) -> list[DeploymentRoute]:
    only = Backend("uid-a", "default", "1.0.0", (("127.0.0.1", server_port),))
    return [DeploymentRoute("acgs", "credit", (only,), (100,))]


@contextlib.contextmanager
def upstream() -> Iterator[int]:
    app = Starlette(
        routes=[
            Route("/echo", echo, methods=["GET", "POST", "OPTIONS"]),
            Route("/large", large),
            Route("/slow", slow),
        ]
    )
    with serving_app.served(app) as port:
        yield port


def gateway_port(settings: Settings) -> int:
    return settings.of(ServingSettings).gateway_port


def gateway_admin_port(settings: Settings) -> int:
    return settings.of(ServingSettings).gateway_admin_port


@contextlib.contextmanager
def gateway_with(
    root: Path, *, connection_limit: int = 4096, requests_per_second: int = 10_000
) -> Iterator[Settings]:
    port, admin = free_ports(2)
    settings = Settings(
        storage_root=root,
        client_header_seconds=HEADER_SECONDS,
        allowed_hosts="models.example.org, *.wild.example.org",
        allowed_origins=ORIGIN,
        connection_limit=connection_limit,
    ).having(
        ServingSettings(
            gateway_port=port,
            gateway_admin_port=admin,
            gateway_body_limit_bytes=LIMIT_BYTES,
            gateway_requests_per_second=requests_per_second,
        )
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(envoy_edge, "REQUEST_SECONDS", REQUEST_SECONDS)
        patch.setattr(envoy_edge, "IDLE_SECONDS", IDLE_SECONDS)
        patch.setattr(envoy_bootstrap, "STREAM_IDLE_SECONDS", STREAM_IDLE_SECONDS)
        with upstream() as server, gateway(settings):
            EnvoyGateway(settings).apply(routes_to(server))
            yield settings


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with gateway_with(tmp_path_factory.mktemp("gateway")) as settings:
        yield settings


@dataclass(frozen=True)
class Case:
    """A request, and what comes of it."""

    status: int
    code: str = ""
    lines: tuple[str, ...] = ()
    body: bytes = b""
    host: str | None = None
    method: str = "POST"

    def ask(self, port: int, path: str = PREFIX + "/echo") -> tuple[int, bytes]:
        length = () if any("content-length" in line for line in self.lines) else (
            f"content-length: {len(self.body)}",
        )  # fmt: skip
        return ask(
            port, head(self.method, path, port, *self.lines, *length, host=self.host) + self.body
        )


FOREIGN_HOST, FOREIGN_PAGE = "infra.host_not_allowed", "infra.origin_not_allowed"
CASES = {
    "its own address": Case(200),
    "localhost with another port": Case(200, host="LocalHost:1"),
    "a host of the list": Case(200, host="models.example.org:80"),
    "a host below a domain of the list": Case(200, host="a.b.wild.example.org"),
    "a foreign host": Case(403, FOREIGN_HOST, host="evil.example"),
    "a name that ends like one of the list": Case(403, FOREIGN_HOST, host="evilmodels.example.org"),
    "a name that begins like one of the list": Case(
        403, FOREIGN_HOST, host="models.example.org.evil.example"
    ),
    "a name that looks like an address": Case(403, FOREIGN_HOST, host="127.0.0.1.evil.example"),
    "the domain alone": Case(403, FOREIGN_HOST, host="wild.example.org"),
    "a page of the list": Case(200, lines=(f"origin: {ORIGIN}",)),
    "a foreign page": Case(403, FOREIGN_PAGE, lines=("origin: https://evil.example",)),
    "a page from nowhere": Case(403, FOREIGN_PAGE, lines=("origin: null",)),
    "a page on another port": Case(403, FOREIGN_PAGE, lines=(f"origin: {ORIGIN}:8443",)),
    "a foreign page's preflight": Case(
        403,
        FOREIGN_PAGE,
        lines=("origin: https://evil.example", "access-control-request-method: POST"),
        method="OPTIONS",
    ),
    "a body at the limit": Case(200, body=b"a" * LIMIT_BYTES),
    "a body beyond the limit": Case(413, "infra.body_too_large", body=b"a" * (LIMIT_BYTES + 1)),
    "a declared body beyond the limit": Case(
        413, "infra.body_too_large", lines=(f"content-length: {1 << 40}",)
    ),
    "too many headers": Case(431, "infra.headers_too_large", lines=("x: y",) * 200),
    "a header that is too long": Case(431, "infra.headers_too_large", lines=("x: " + "y" * 40000,)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_request_gets_its_status(name: str, site: Settings) -> None:
    case = CASES[name]
    status, body = case.ask(gateway_port(site))
    assert status == case.status, body
    if case.code:
        assert told(body)["error_code"] == case.code
        assert told(body)["hint"]


def test_a_chunked_body_beyond_the_limit_is_a_413_without_growth(site: Settings) -> None:
    [envoy] = [child.identity.pid for child in children(site)]
    before = resident_bytes(envoy)
    for _ in range(4):
        with connected(gateway_port(site)) as client:
            client.sendall(
                head("POST", PREFIX + "/echo", gateway_port(site), "transfer-encoding: chunked")
            )
            in_chunks(client, 256 * MIB)
            assert answer_of(client)[0] in {0, 413}  # 0: reset while it went on sending
    assert resident_bytes(envoy) < before + 4 * LIMIT_BYTES


def test_a_chunked_body_just_beyond_the_limit_is_told_why(site: Settings) -> None:
    with connected(gateway_port(site)) as client:
        client.sendall(
            head("POST", PREFIX + "/echo", gateway_port(site), "transfer-encoding: chunked")
        )
        in_chunks(client, LIMIT_BYTES + 1)
        status, body = answer_of(client)
    assert (status, told(body)["error_code"]) == (413, "infra.body_too_large")


HEAD = f"POST {PREFIX}/echo HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode()
SLOW_CLIENTS: dict[str, tuple[bytes, bytes]] = {
    "never says anything": (b"", b""),
    "sends half of its headers": (HEAD, b""),
    "drips its headers": (HEAD, b"x-long: " + b"a" * 100),
    "never sends its body": (HEAD + b"content-length: 1000\r\n\r\n", b""),
    "drips its body": (HEAD + b"content-length: 1000\r\n\r\n", b"a" * 100),
    "drips a chunked body": (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"3e8\r\n" + b"a" * 99),
}


@pytest.mark.parametrize("port_of", [gateway_port, gateway_admin_port])
@pytest.mark.parametrize("name", SLOW_CLIENTS)
def test_a_slow_client_is_dropped(
    name: str, port_of: Callable[[Settings], int], site: Settings
) -> None:
    first, drip = SLOW_CLIENTS[name]
    with connected(port_of(site)) as client:
        client.sendall(first)
        assert seconds_until_closed(client, IDLE_SECONDS + 3, drip) < IDLE_SECONDS + 3


HTTP_2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
"""The preface and an empty frame of settings, which an HTTP/2 server answers with its own."""


@pytest.mark.parametrize("port_of", [gateway_port, gateway_admin_port])
def test_http_2_for_which_no_stated_time_would_hold_is_refused(
    port_of: Callable[[Settings], int], site: Settings
) -> None:
    with connected(port_of(site)) as client:
        client.sendall(HTTP_2)
        status, said = answer_of(client)
        assert status in {400, 426}, said
        assert seconds_until_closed(client, IDLE_SECONDS + 3) < IDLE_SECONDS + 3


def test_a_client_that_reads_no_answer_is_dropped(site: Settings) -> None:
    with connected(gateway_port(site), receive_bytes=4096) as client:
        client.sendall(head("GET", PREFIX + "/large", gateway_port(site)))
        time.sleep(STREAM_IDLE_SECONDS + 3)
        client.settimeout(2)
        received = 0
        with contextlib.suppress(ConnectionError):
            while piece := client.recv(MIB):
                received += len(piece)
    assert received < 32 * MIB


def test_slow_bodies_hold_no_connection_of_a_model_server(site: Settings) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(2 * envoy_config.CONNECTIONS_PER_SERVER):
            client = stack.enter_context(connected(gateway_port(site)))
            client.sendall(HEAD + b"content-length: 1000\r\n\r\na")
        began = time.monotonic()
        assert Case(200).ask(gateway_port(site))[0] == 200
        assert time.monotonic() - began < 1


def test_a_thousand_idle_connections_starve_nobody(site: Settings) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(connected(gateway_port(site)))
        assert Case(200).ask(gateway_port(site))[0] == 200
        assert EnvoyGateway(site).epoch()


def test_what_clients_say_about_themselves_reaches_no_model_server(site: Settings) -> None:
    said = dict.fromkeys(envoy_edge.BELIEVED_BY_NOBODY, "10.9.8.7")
    answer = httpx.post(
        gateway_url(site) + PREFIX + "/echo",
        headers={**said, "x-acgs-predictor": "default", "authorization": "kept"},
        trust_env=False,
    )
    seen = answer.json()["headers"]
    assert said.keys() & seen.keys() == set()
    assert "10.9.8.7" not in json.dumps(seen)
    assert seen["authorization"] == "kept"


def test_clients_give_envoy_no_orders(site: Settings) -> None:
    orders = {
        "x-envoy-upstream-rq-timeout-ms": "1",
        "x-envoy-max-retries": "100",
        "x-envoy-internal": "true",
        "x-envoy-original-path": "/elsewhere",
    }
    slow = httpx.get(gateway_url(site) + PREFIX + "/slow", headers=orders, trust_env=False)
    assert (slow.status_code, slow.text) == (200, "done")


def test_a_preflight_of_an_allowed_page_is_answered(site: Settings) -> None:
    answer = httpx.options(
        gateway_url(site) + PREFIX + "/echo",
        headers={
            "origin": ORIGIN,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type",
        },
        trust_env=False,
    )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in answer.headers["access-control-allow-methods"]
    asked = httpx.post(
        gateway_url(site) + PREFIX + "/echo", headers={"origin": ORIGIN}, trust_env=False
    )
    assert asked.headers["access-control-allow-origin"] == ORIGIN


ADMIN: dict[str, tuple[str, str, int]] = {
    "readiness": ("GET", "/ready", 200),
    "numbers": ("GET", "/stats/prometheus", 200),
    "the end of Envoy": ("POST", "/quitquitquit", 403),
    "the end of Envoy by GET": ("GET", "/quitquitquit", 403),
    "a changed log level": ("POST", "/logging?level=trace", 403),
    "the configuration": ("GET", "/config_dump", 403),
    "a path that climbs": ("GET", "/stats/../quitquitquit", 403),
    "memory": ("POST", "/heapprofiler?enable=y", 403),
}


@pytest.mark.parametrize("name", ADMIN)
def test_the_admin_port_is_for_reading(name: str, site: Settings) -> None:
    method, path, status = ADMIN[name]
    assert ask(gateway_admin_port(site), head(method, path, gateway_admin_port(site)))[0] == status
    assert Case(200).ask(gateway_port(site))[0] == 200


def test_a_foreign_page_reads_nothing_of_the_admin_port(site: Settings) -> None:
    assert Case(403, host="evil.example").ask(gateway_admin_port(site), "/ready")[0] == 403


def test_more_requests_than_the_limit_are_answered_429(tmp_path: Path) -> None:
    with gateway_with(tmp_path, requests_per_second=20) as settings:
        url = gateway_url(settings) + PREFIX + "/echo"
        with httpx.Client(trust_env=False) as client:
            answers = [client.post(url) for _ in range(60)]
            refused = [a for a in answers if a.status_code == 429]
            assert len(refused) >= 20
            assert refused[0].headers["retry-after"] == "1"
            assert refused[0].json()["error_code"] == "infra.too_many_requests"
            time.sleep(1.1)
            assert client.post(url).status_code == 200


def test_beyond_the_limit_of_connections_new_ones_are_closed(tmp_path: Path) -> None:
    with gateway_with(tmp_path, connection_limit=16) as settings:
        port = gateway_port(settings)
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(connected(port)) for _ in range(20)]
            time.sleep(0.5)
            assert sum(_is_closed(client) for client in clients) >= 4
            # The platform's own way to Envoy is not by that door.
            assert EnvoyGateway(settings).epoch()
        wait_until(lambda: Case(200).ask(port)[0] == 200, "the gateway serves again", seconds=5)


def _is_closed(client: socket.socket) -> bool:
    client.settimeout(0.01)
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True
