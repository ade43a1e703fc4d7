"""Unfinished uploads to the gateway leave memory and places for the requests of others."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from infra.processes.process import children
from infra.settings import Settings
from serving.gateway import envoy_edge
from serving.gateway.envoy import EnvoyGateway
from serving.gateway.envoy_admin import Admin
from serving.gateway.envoy_doors import DIRECT_BYTES, HEAP_BYTES, MIDDLE_BYTES, WAITING, doors
from serving.settings import ServingSettings, gateway_url
from tests.integration.serving.gateway.test_clients import PREFIX, routes_to, upstream
from tests.integration.serving.kit import gateway, wait_until
from tests.ports import free_ports
from tests.support.raw_http import connected, head, resident_bytes

LIMIT_BYTES = 32 << 20
ECHO = PREFIX + "/echo"
SECONDS = 2.0
"""Longest that a small request may take meanwhile, on a machine that does other things as well."""


@contextlib.contextmanager
def running(root: Path, limit_bytes: int = LIMIT_BYTES) -> Iterator[Settings]:
    port, admin = free_ports(2)
    settings = Settings(storage_root=root).having(
        ServingSettings(
            gateway_port=port, gateway_admin_port=admin, gateway_body_limit_bytes=limit_bytes
        )
    )
    with upstream() as server, gateway(settings):
        EnvoyGateway(settings).apply(routes_to(server))
        yield settings


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Settings]:
    with running(tmp_path) as settings:
        yield settings


def begin(clients: Sequence[socket.socket], port: int, size: int, chunked: bool) -> None:
    """Send all of the bodies but their ends, as far as the gateway takes them."""
    stated = "transfer-encoding: chunked" if chunked else f"content-length: {size}"
    piece = b"x" * 16384
    for client in clients:
        client.settimeout(1)
        with contextlib.suppress(OSError):
            client.sendall(head("POST", ECHO, port, stated))
            for _ in range(size // len(piece) - 1):
                client.sendall(b"4000\r\n" + piece + b"\r\n" if chunked else piece)


@contextlib.contextmanager
def unfinished(
    port: int, count: int, size: int, *, chunked: bool = False
) -> Iterator[list[threading.Thread]]:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connected(port)) for _ in range(count)]
        threads = [
            threading.Thread(target=begin, args=(clients[first::60], port, size, chunked))
            for first in range(min(count, 60))
        ]
        for thread in threads:
            thread.start()
        try:
            yield threads
        finally:
            for client in clients:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


UPLOADS = {
    "60 of the largest bodies": (60, LIMIT_BYTES, False),
    "60 of the largest bodies, in chunks": (60, LIMIT_BYTES, True),
    "300 of a mebibyte": (300, MIDDLE_BYTES, False),
    "1000 small bodies": (1000, DIRECT_BYTES, False),
}


@pytest.mark.parametrize("name", UPLOADS)
def test_small_requests_are_answered_beside_unfinished_uploads(name: str, site: Settings) -> None:
    count, size, chunked = UPLOADS[name]
    [envoy] = [child.identity.pid for child in children(site)]
    with (
        unfinished(site.of(ServingSettings).gateway_port, count, size, chunked=chunked) as uploads,
        httpx.Client(trust_env=False, timeout=SECONDS) as client,
    ):
        asked = 0
        while asked < 100 or any(upload.is_alive() for upload in uploads):
            assert client.post(gateway_url(site) + ECHO, content=b"{}").status_code == 200
            asked += 1
        assert resident_bytes(envoy) < HEAP_BYTES // 2


def test_beyond_its_places_a_large_body_is_refused_in_the_platforms_shape(site: Settings) -> None:
    large = doors(LIMIT_BYTES)[-1]
    url = gateway_url(site) + ECHO
    with httpx.Client(trust_env=False, timeout=5) as client:
        with unfinished(
            site.of(ServingSettings).gateway_port, large.at_once + WAITING + 1, LIMIT_BYTES
        ):
            refused: list[dict[str, str]] = []
            wait_until(lambda: _refused(client, url, refused), "no place is left for a large body")
            assert refused[0]["error_code"] == "infra.server_full"
            assert refused[0]["hint"]
            assert client.post(url, content=b"x" * MIDDLE_BYTES).status_code == 200
        wait_until(
            lambda: client.post(url, content=b"x" * LIMIT_BYTES).status_code == 200,
            "the places are free again",
        )


def test_a_large_body_waits_for_a_place_whichever_thread_of_envoy_reads_it(tmp_path: Path) -> None:
    limit_bytes = HEAP_BYTES // 4
    [*_, large] = doors(limit_bytes)
    assert large.at_once == 1  # one thread of two has it, the other reads half of the requests
    with running(tmp_path, limit_bytes) as site, contextlib.ExitStack() as stack:
        port = site.of(ServingSettings).gateway_port
        for _ in range(20):
            client = stack.enter_context(connected(port))
            stated = f"content-length: {limit_bytes}"
            client.sendall(head("POST", ECHO, port, stated) + b"x")
        wait_until(lambda: _in_hand(site, large.name) == 20, "every request is held or waits", 5)


def _in_hand(site: Settings, cluster: str) -> int:
    """Return how many requests a cluster answers or lets wait."""
    lines = Admin(site).get("/stats", {"filter": f"^cluster.{cluster}.upstream_rq"}).decode()
    found = dict(line.rsplit(": ", 1) for line in lines.splitlines() if "P" not in line)
    prefix = f"cluster.{cluster}.upstream_rq"
    return int(found[f"{prefix}_active"]) + int(found[f"{prefix}_pending_active"])


def _refused(client: httpx.Client, url: str, answers: list[dict[str, str]]) -> bool:
    try:
        answer = client.post(url, content=b"x" * (MIDDLE_BYTES + 1), timeout=0.5)
    except httpx.TimeoutException:
        return False
    if answer.status_code == 503:
        answers.append(answer.json())
    return answer.status_code == 503


@pytest.mark.parametrize("size", [1, DIRECT_BYTES + 1, MIDDLE_BYTES + 1, LIMIT_BYTES])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_any_size_arrives_whole(site: Settings, size: int, chunked: bool) -> None:
    body = b"x" * size
    pieces = (body[at : at + 65536] for at in range(0, size, 65536))
    answer = httpx.post(
        gateway_url(site) + ECHO, content=pieces if chunked else body, trust_env=False, timeout=20
    )
    assert answer.json()["bytes"] == size
    assert not [name for name in answer.json()["headers"] if "door" in name]


def test_a_client_that_claims_to_have_passed_gains_nothing(site: Settings) -> None:
    answer = httpx.post(
        gateway_url(site) + ECHO,
        content=b"x" * (DIRECT_BYTES + 1),
        headers={"x-acgs-passed-door": "1"},
        trust_env=False,
    )
    assert answer.status_code == 413


def test_a_gateway_without_memory_says_so_in_the_platforms_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(envoy_edge, "HEAP_BYTES", 1 << 20)
    with (
        running(tmp_path) as settings,
        httpx.Client(trust_env=False, base_url=gateway_url(settings)) as client,
    ):
        wait_until(lambda: client.get(ECHO).status_code == 503, "the gateway is full")
        answer = client.get(ECHO)
    assert answer.json()["error_code"] == "infra.server_full"
    assert "memory" in answer.json()["message"]
    assert answer.json()["hint"]
