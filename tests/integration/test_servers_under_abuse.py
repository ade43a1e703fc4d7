"""Attacks on every server of a running platform, with the limits that it is shipped with."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest

from compliance.settings import ComplianceSettings
from infra.private import UMASK, too_open
from infra.processes.process import children
from infra.settings import Settings
from registry.settings import RegistrySettings
from serving.settings import ServingSettings
from tests.support.credit import register, unique
from tests.support.platform import Platform
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
DEEP = b"[" * 10_000 + b"]" * 10_000
DEEP_OBJECTS = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
API = "/api/2.0/mlflow"


@dataclass(frozen=True)
class Server:
    """One server: its port, a path that takes bodies, its limit, the setting of its process."""

    port: Callable[[Settings], int]
    path: str
    limit_bytes: Callable[[Settings], int]
    pid: Callable[[Platform], int]


def _envoy(platform: Platform) -> int:
    [pid] = [c.identity.pid for c in children(platform.settings) if c.name == "envoy"]
    return pid


SERVERS = {
    "registry": Server(
        lambda s: s.of(RegistrySettings).port,
        API + "/runs/log-batch",
        lambda s: s.of(RegistrySettings).body_limit_bytes,
        lambda platform: platform.pids()["registry"],
    ),
    "scorer": Server(
        lambda s: s.of(ComplianceSettings).port,
        "/webhooks/registry",
        lambda s: s.of(ComplianceSettings).body_limit_bytes,
        lambda platform: platform.pids()["compliance"],
    ),
    "gateway": Server(
        lambda s: s.of(ServingSettings).gateway_port,
        "/seldon/acgs/nobody/api/v1.0/predictions",
        lambda s: s.of(ServingSettings).gateway_body_limit_bytes,
        _envoy,
    ),
}


@pytest.fixture(params=list(SERVERS))
def server(request: pytest.FixtureRequest) -> Server:
    return SERVERS[request.param]


def test_a_declared_body_beyond_the_limit_is_a_413_at_once(
    embedded_platform: Platform, server: Server
) -> None:
    port = server.port(embedded_platform.settings)
    length = server.limit_bytes(embedded_platform.settings) + 1
    status, body = ask(port, head("POST", server.path, port, f"content-length: {length}"))
    assert (status, told(body)["error_code"]) == (413, "infra.body_too_large")
    assert told(body)["hint"]


def test_bodies_without_a_length_are_cut_at_the_limit_without_growth(
    embedded_platform: Platform, server: Server
) -> None:
    settings = embedded_platform.settings
    port, limit = server.port(settings), server.limit_bytes(settings)
    before = resident_bytes(server.pid(embedded_platform))
    for _ in range(3):
        with connected(port) as client:
            client.sendall(head("POST", server.path, port, "transfer-encoding: chunked"))
            in_chunks(client, 8 * limit)
            assert answer_of(client)[0] in {0, 413}  # 0: reset while it went on sending
    # One body up to the limit, its copy while it is put together, and some room.
    assert resident_bytes(server.pid(embedded_platform)) < before + 3 * limit + 32 * MIB


def test_a_chunked_body_just_beyond_the_limit_is_a_413(
    embedded_platform: Platform, server: Server
) -> None:
    settings = embedded_platform.settings
    port = server.port(settings)
    with connected(port) as client:
        client.sendall(head("POST", server.path, port, "transfer-encoding: chunked"))
        in_chunks(client, server.limit_bytes(settings) + 1)
        status, body = answer_of(client)
    assert (status, told(body)["error_code"]) == (413, "infra.body_too_large")


UNCLEAR = {
    "a length and chunks": (("content-length: 5", "transfer-encoding: chunked"), b"0\r\n\r\nGET"),
    "a chunk of 17 digits": (("transfer-encoding: chunked",), b"f" * 17 + b"\r\n"),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_a_body_whose_end_is_unclear_is_refused_at_once_and_ends_the_connection(
    embedded_platform: Platform, server: Server, name: str
) -> None:
    port = server.port(embedded_platform.settings)
    lines, rest = UNCLEAR[name]
    with connected(port, seconds=5) as client:
        client.sendall(head("POST", server.path, port, *lines) + rest)
        assert answer_of(client)[0] == 400
        assert client.recv(1) == b""


NAMES = {
    "a foreign host": ({"host": "evil.example"}, "infra.host_not_allowed"),
    "a name like an address": ({"host": "10.evil.example"}, "infra.host_not_allowed"),
    "a foreign page": ({"origin": "https://evil.example"}, "infra.origin_not_allowed"),
    "a page from nowhere": ({"origin": "null"}, "infra.origin_not_allowed"),
}


@pytest.mark.parametrize("name", NAMES)
def test_foreign_names_are_refused(embedded_platform: Platform, server: Server, name: str) -> None:
    headers, code = NAMES[name]
    port = server.port(embedded_platform.settings)
    for method, path in (("POST", server.path), ("GET", "/health"), ("GET", "/")):
        answer = httpx.request(
            method, f"http://127.0.0.1:{port}{path}", headers=headers, trust_env=False
        )
        assert (answer.status_code, answer.json()["error_code"]) == (403, code), path


def test_a_page_of_the_registry_itself_may_ask(embedded_platform: Platform) -> None:
    url = embedded_platform.url
    for host in (url, url.replace("127.0.0.1", "localhost")):
        answer = httpx.post(
            f"{host}/ajax-api/2.0/mlflow/experiments/search",
            headers={"origin": host},
            json={"max_results": 1},
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text


WHOLE = [
    ("POST", API + "/runs/log-batch"),
    ("POST", API + "/runs/create"),
    ("POST", "/ajax-api/2.0/mlflow/runs/search"),
    ("POST", API + "/registered-models/create"),
    ("POST", API + "/model-versions/create"),
    ("POST", API + "/model-versions/transition-stage"),
    ("PATCH", API + "/registered-models/update"),
    ("DELETE", API + "/registered-models/delete"),
    ("POST", API + "/runs/delete"),
    ("POST", "/api/2.0/mlflow-artifacts/mpu/create/0/x"),
    ("POST", "/api/3.0/mlflow/traces"),
    ("POST", "/api/3.0/mlflow/server-info"),
]


@pytest.mark.parametrize(("method", "path"), WHOLE)
@pytest.mark.parametrize(
    "body", [DEEP, DEEP_OBJECTS, b"[" * 10_000, json.dumps(DEEP.decode()).encode()]
)
def test_json_that_nests_without_end_is_the_clients_mistake(
    embedded_platform: Platform, method: str, path: str, body: bytes
) -> None:
    answer = httpx.request(
        method,
        embedded_platform.url + path,
        content=body,
        headers={"content-type": "application/json"},
        trust_env=False,
    )
    assert 400 <= answer.status_code < 500, answer.text


INNER = [
    (API + "/runs/log-model", {"run_id": "x", "model_json": DEEP_OBJECTS.decode()}),
    (API + "/runs/log-model", {"run_id": "x", "model_json": DEEP.decode()}),
    (
        API + "/runs/log-inputs",
        {"run_id": "x", "datasets": [{"dataset": {"schema": DEEP.decode()}}]},
    ),
    (
        API + "/logged-models",
        {"experiment_id": "0", "tags": [{"key": "a", "value": DEEP.decode()}]},
    ),
]


@pytest.mark.parametrize(("path", "fields"), INNER)
def test_json_in_a_text_that_nests_without_end_is_no_failure(
    embedded_platform: Platform, path: str, fields: dict[str, object]
) -> None:
    answer = httpx.post(embedded_platform.url + path, json=fields, trust_env=False)
    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("depth", [50, 90, 99, 101, 150, 500])
def test_no_depth_is_a_failure_of_the_server(embedded_platform: Platform, depth: int) -> None:
    for body in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
        answer = httpx.post(
            embedded_platform.url + API + "/experiments/search", content=body, trust_env=False
        )
        assert answer.status_code < 500, answer.text


PIECES = {"lists": b"[],", "objects": b"{},", "texts": b'"",', "numbers": b"0,"}


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("server", ["registry", "scorer"])
def test_a_body_of_many_small_values_takes_neither_memory_nor_time(
    embedded_platform: Platform, server: str, piece: str
) -> None:
    attacked = SERVERS[server]
    settings, pid = embedded_platform.settings, attacked.pid(embedded_platform)
    limit = attacked.limit_bytes(settings)
    first, last = b'{"run_id": "x", "metrics": [', b"0]}"
    body = first + PIECES[piece] * ((limit - 100) // len(PIECES[piece])) + last
    before = resident_bytes(pid)
    with ThreadPoolExecutor(8) as pool:
        began = time.monotonic()
        attacks = [
            pool.submit(_post_json, attacked.port(settings), attacked.path, body) for _ in range(8)
        ]
        assert ask(attacked.port(settings), head("GET", "/health", attacked.port(settings)))[0]
        for attack in attacks:
            assert attack.result() == (400, "infra.too_many_values")
        assert time.monotonic() - began < 15
    # The bodies themselves, and copies of one.
    assert resident_bytes(pid) < before + 14 * limit + 32 * MIB


def _post_json(port: int, path: str, body: bytes) -> tuple[int, str]:
    headers = {"content-type": "application/json"}
    url = f"http://127.0.0.1:{port}{path}"
    answer = httpx.post(url, content=body, headers=headers, timeout=60, trust_env=False)
    return answer.status_code, answer.json()["error_code"]


def test_mlflows_largest_batch_is_taken(embedded_platform: Platform) -> None:
    api = embedded_platform.url + API
    run = httpx.post(f"{api}/runs/create", json={"experiment_id": "0"}, trust_env=False).json()
    value = {"value": 0.5, "timestamp": 1, "step": 1, "dataset_name": "d", "dataset_digest": "e"}
    batch = {
        "run_id": run["run"]["info"]["run_id"],
        "metrics": [{"key": f"m{i}", **value} for i in range(800)],
        "params": [{"key": f"p{i}", "value": "[1, 2]" * 200} for i in range(100)],
        "tags": [{"key": f"t{i}", "value": "{},"} for i in range(100)],
    }
    answer = httpx.post(f"{api}/runs/log-batch", json=batch, timeout=60, trust_env=False)
    assert answer.status_code == 200, answer.text


def test_files_are_streamed_whatever_their_size(embedded_platform: Platform) -> None:
    pid = embedded_platform.pids()["registry"]
    before = resident_bytes(pid)
    size = 8 * embedded_platform.settings.of(RegistrySettings).body_limit_bytes
    url = f"{embedded_platform.url}/api/2.0/mlflow-artifacts/artifacts/large/file.bin"

    def pieces() -> object:
        for _ in range(size // MIB):
            yield b"\0" * MIB

    answer = httpx.put(url, content=pieces(), timeout=60, trust_env=False)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    assert resident_bytes(pid) < before + 64 * MIB
    stored = embedded_platform.root / "artifacts" / "large" / "file.bin"
    assert stored.stat().st_size == size
    stored.unlink()


FORWARDING = {
    "x-forwarded-for": "6.6.6.6",
    "x-real-ip": "6.6.6.6",
    "forwarded": "for=6.6.6.6",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "https",
}


def test_a_client_does_not_choose_the_address_in_the_audit_trail(
    embedded_platform: Platform,
) -> None:
    name = unique("credit")
    version = register(embedded_platform, name)
    answer = httpx.post(
        embedded_platform.url + API + "/model-versions/transition-stage",
        json={"name": name, "version": str(version.number), "stage": "Staging"},
        headers=FORWARDING,
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    [request] = embedded_platform.json("request", "list", "--name", name)
    assert json.dumps(request).count("anonymous@127.0.0.1") >= 1
    events = httpx.get(
        f"{embedded_platform.url}/acgs/api/v1/events", params={"name": name}, trust_env=False
    ).json()["events"]
    assert events
    assert "6.6.6.6" not in json.dumps([request, events])


HEAD = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
SLOW = {
    "never says anything": (b"", b""),
    "drips its headers": (HEAD, b"x-long: " + b"a" * 500),
    "drips its body": (HEAD + b"content-length: 1000\r\n\r\n", b"a" * 500),
    "drips a chunked body": (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"3e8\r\n" + b"a" * 500),
}
LONGEST_SECONDS = {"registry": 26.0, "scorer": 26.0, "gateway": 65.0}
"""20 s of a stall, a sweep and 3 s to read the answer; of the gateway, what the reference says."""


def test_slow_clients_are_dropped_within_the_stated_time(embedded_platform: Platform) -> None:
    def one(server: str, attack: str) -> None:
        first, drip = SLOW[attack]
        begun = first % SERVERS[server].path.encode() if b"%s" in first else first
        with connected(SERVERS[server].port(embedded_platform.settings)) as client:
            client.sendall(begun)
            seconds_until_closed(client, LONGEST_SECONDS[server], drip)

    with ThreadPoolExecutor(len(SERVERS) * len(SLOW)) as pool:
        for found in [pool.submit(one, server, attack) for server in SERVERS for attack in SLOW]:
            found.result()


def test_a_thousand_idle_connections_starve_nobody(
    embedded_platform: Platform, server: Server
) -> None:
    port = server.port(embedded_platform.settings)
    clients = [connected(port) for _ in range(1000)]
    opened = [client.__enter__() for client in clients]
    try:
        for _ in range(5):
            status, _body = ask(port, head("GET", "/health", port))
            assert status in {200, 404}
    finally:
        for client in opened:
            client.close()


def test_nothing_in_the_storage_root_is_open_to_others(embedded_platform: Platform) -> None:
    name = unique("credit")
    version = register(embedded_platform, name)
    embedded_platform.stage(name, version.number, "Staging")
    root = embedded_platform.root
    assert list(too_open(root)) == []
    kinds = {stat.S_IFMT(path.lstat().st_mode) for path in root.rglob("*")}
    assert kinds >= {stat.S_IFREG, stat.S_IFDIR, stat.S_IFSOCK}
    for sidecar in ("registry.db-wal", "registry.db-shm"):
        assert not os.stat(root / sidecar).st_mode & UMASK
