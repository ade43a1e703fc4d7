from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.errors import UsageError
from infra.web import http
from pipelines import traffic
from pipelines.demo.stream import Stream
from pipelines.tally import NOBODY, Tally
from pipelines.traffic import Load
from tests.ports import free_port

RATE = 100.0


class Endpoint:
    """A model server in miniature: fails on an empty income, and can be made slow."""

    def __init__(self) -> None:
        self.url = ""
        self.delay_seconds = 0.0
        self.version: str | None = "1.0.0"
        self.arrivals: list[float] = []

    async def predict(self, request: Request) -> Response:
        self.arrivals.append(time.monotonic())
        body = json.loads(await request.body())
        await asyncio.sleep(self.delay_seconds)
        failed = None in body["data"]["ndarray"][0]
        headers = {traffic.VERSION_HEADER: self.version} if self.version else {}
        return JSONResponse({"data": {"ndarray": [1]}}, 500 if failed else 200, headers)


@contextmanager
def _serving() -> Iterator[Endpoint]:
    endpoint, stop, port = Endpoint(), threading.Event(), free_port()
    app = Starlette(routes=[Route("/predict", endpoint.predict, methods=["POST"])])
    server = threading.Thread(target=http.serve, args=(app, "127.0.0.1", port, stop))
    server.start()
    endpoint.url = f"http://127.0.0.1:{port}/predict"
    try:
        limit = time.monotonic() + 20
        while time.monotonic() < limit:
            try:
                httpx.get(endpoint.url, trust_env=False)
                break
            except httpx.ConnectError:
                time.sleep(0.02)
        yield endpoint
    finally:
        stop.set()
        server.join()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with _serving() as found:
        yield found


def _send(load: Load, readings: list[Tally] | None = None) -> Tally:
    bodies = traffic.bodies()
    seen: list[Tally] = [] if readings is None else readings
    return asyncio.run(traffic.send(load, bodies, asyncio.Event(), seen.append))


def test_the_documented_share_of_requests_lacks_an_income(endpoint: Endpoint) -> None:
    found = _send(Load(endpoint.url, rate=400, max_requests=600))

    count = found.of("1.0.0")
    assert count.requests == found.due == 600
    assert count.failures == sum(b"null" in body for body in traffic.bodies()[:600])
    assert 0 < count.failures < 40
    assert found.examples == ('1.0.0: HTTP 500 {"data":{"ndarray":[1]}}',)


def test_a_slow_server_is_asked_as_often_and_looks_slow(endpoint: Endpoint) -> None:
    endpoint.delay_seconds = 0.2

    found = _send(Load(endpoint.url, rate=RATE, max_requests=100))

    spread = endpoint.arrivals[-1] - endpoint.arrivals[0]
    assert 0.8 < spread < 2.5
    p50 = found.of("1.0.0").latency.quantile_ms(0.5)
    assert p50 is not None
    assert p50 >= 200


def test_latency_counts_from_the_moment_a_request_was_due(endpoint: Endpoint) -> None:
    endpoint.delay_seconds = 0.1

    # Two at a time are 20 per second; at 100 per second the queue grows before the gate.
    found = _send(Load(endpoint.url, rate=RATE, max_requests=60, max_in_flight=2))

    slowest = found.of("1.0.0").latency.quantile_ms(1.0)
    assert slowest is not None
    assert slowest > 1_500


def test_answers_that_no_model_gave_are_counted_apart(endpoint: Endpoint) -> None:
    endpoint.version = None
    found = _send(Load(endpoint.url, rate=RATE, max_requests=20))
    assert set(found.by_version) == {NOBODY}

    nobody = _send(Load(f"http://127.0.0.1:{free_port()}/predict", rate=RATE, max_requests=20))
    assert nobody.of(NOBODY).failures == 20
    assert nobody.examples[0].startswith(f"{NOBODY}: ClientConnectorError")


def test_the_stream_reports_while_it_runs_and_ends_in_time(endpoint: Endpoint) -> None:
    readings: list[Tally] = []

    began = time.monotonic()
    found = _send(Load(endpoint.url, rate=RATE, max_seconds=1.0, report_seconds=0.2), readings)

    assert time.monotonic() - began < 4
    assert len(readings) >= 3
    assert [r.due for r in readings] == sorted(r.due for r in readings)
    assert readings[-1] == found
    assert 90 <= found.due <= 102


def test_a_stream_of_its_own_process_reports_and_ends_when_told(endpoint: Endpoint) -> None:
    with Stream(endpoint.url, 50) as stream:
        seen = stream.wait_for(30, limit_seconds=30)
        assert seen.requests >= 30
        final = stream.end()

    assert final.requests == len(endpoint.arrivals)
    assert 0 <= final.due - final.requests <= 5
    assert final.requests >= seen.requests


@pytest.mark.parametrize("url", ["http://example.com/x", "http://10.0.0.1/x", "/predict"])
def test_load_is_for_this_machine_only(url: str) -> None:
    with pytest.raises(UsageError, match="this machine"):
        Load(url)


@pytest.mark.parametrize("rate", [0.0, -1.0, 2_001.0, float("nan")])
def test_an_impossible_rate_is_refused(rate: float) -> None:
    with pytest.raises(UsageError, match="expected a rate"):
        Load("http://127.0.0.1:1/x", rate=rate)
