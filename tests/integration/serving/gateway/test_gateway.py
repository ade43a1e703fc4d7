"""The gateway alone: a real Envoy in front of small servers."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from infra.settings import Settings
from serving.domain.routing import Backend, DeploymentRoute
from serving.gateway.envoy import EnvoyGateway
from serving.gateway.envoy_admin import GatewayError
from serving.settings import ServingSettings, gateway_url
from tests.integration.serving.kit import PATH, Backends, gateway, kill, make_settings, wait_until
from tests.integration.serving.load import Answers, Load

BOTH = ["acgs/credit/uid-a", "acgs/credit/uid-b"]


@dataclass
class Site:
    settings: Settings
    envoy: EnvoyGateway
    backends: Backends

    def split(self, stable: int, canary: int, weight: int) -> list[DeploymentRoute]:
        return [
            DeploymentRoute(
                "acgs",
                "credit",
                (
                    Backend("uid-a", "default", "1.0.0", (("127.0.0.1", stable),)),
                    Backend("uid-b", "canary", "1.1.0", (("127.0.0.1", canary),)),
                ),
                (100 - weight, weight),
            )
        ]

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(gateway_url(self.settings) + path, headers=headers, trust_env=False)

    def ask(self, requests: int) -> Answers:
        load = Load(
            self.settings.of(ServingSettings).gateway_port, PATH, connections=16, requests=requests
        )
        return asyncio.run(load.run())

    def in_background(self, **options: float) -> tuple[Load, threading.Thread]:
        load = Load(self.settings.of(ServingSettings).gateway_port, PATH, connections=16, **options)  # type: ignore[arg-type]
        thread = threading.Thread(target=lambda: asyncio.run(load.run()))
        thread.start()
        return load, thread


@pytest.fixture
def site(tmp_path: Path, backends: Backends) -> Iterator[Site]:
    settings = make_settings(tmp_path)
    with gateway(settings):
        yield Site(settings, EnvoyGateway(settings), backends)


def test_an_unknown_path_is_a_404_that_says_what_to_do(site: Site) -> None:
    answer = site.get("/seldon/acgs/nothing/api/v1.0/predictions")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error_code"] == "serving.unknown_deployment"


def test_a_deployment_without_a_ready_server_is_a_503_in_json(site: Site) -> None:
    site.envoy.apply([DeploymentRoute("acgs", "credit")])
    answer = site.get(PATH)
    assert answer.status_code == 503
    assert answer.json()["error_code"] == "serving.not_ready"


def test_a_dead_server_with_nobody_to_stand_in_is_a_503_in_json(site: Site) -> None:
    process, port = site.backends.start("a")
    site.envoy.apply(
        [
            DeploymentRoute(
                "acgs",
                "credit",
                (Backend("u", "default", "1.0.0", (("127.0.0.1", port),)),),
                (100,),
            )
        ]
    )
    assert site.get(PATH).status_code == 200
    kill(process.pid)
    process.wait()
    answer = site.get(PATH)
    assert answer.status_code == 503
    assert answer.json()["error_code"] == "serving.unavailable"


@pytest.mark.parametrize("weight", [10, 50])
def test_the_observed_split_is_the_weight_that_was_set(site: Site, weight: int) -> None:
    (_, a), (_, b) = site.backends.start("a"), site.backends.start("b")
    site.envoy.apply(site.split(a, b, weight))
    answers = site.ask(10_000)
    share, wanted = answers.predictors["canary"] / 10_000, weight / 100
    assert answers.statuses == {200: 10_000}
    assert abs(share - wanted) <= 4 * (wanted * (1 - wanted) / 10_000) ** 0.5


def test_a_weight_is_visible_within_50_ms_after_the_call(site: Site) -> None:
    (_, a), (_, b) = site.backends.start("a"), site.backends.start("b")
    site.envoy.apply(site.split(a, b, 0))
    load, thread = site.in_background()
    time.sleep(0.3)
    made = []
    for weight, key, predictor in [(100, "uid-b", "canary"), (0, "uid-a", "default")] * 4:
        site.envoy.apply(site.split(a, b, weight))
        made.append((time.monotonic(), predictor))
        assert site.envoy.weights("acgs", "credit") == {key: 100}
        time.sleep(0.3)
    load.stop()
    thread.join()
    lags = []
    for returned, predictor in made:
        late = [r for r in load.answers.rows if returned < r[0] < returned + 0.3]
        assert late
        lags.append(max((r[0] - returned for r in late if r[3] != predictor), default=0.0))
    # The median: on a busy machine one of Envoy's threads may wait for a processor.
    assert statistics.median(lags) <= 0.05


def test_weights_flipped_under_load_fail_no_request(site: Site) -> None:
    (_, a), (_, b) = site.backends.start("a"), site.backends.start("b")
    site.envoy.apply(site.split(a, b, 10))
    load, thread = site.in_background()
    for flip in range(30):
        site.envoy.apply(site.split(a, b, 90 if flip % 2 else 10))
        time.sleep(0.05)
    load.stop()
    thread.join()
    assert len(load.answers.rows) > 1000
    assert load.answers.statuses.keys() == {200}


def test_a_killed_canary_fails_no_request_and_is_counted_against_it(site: Site) -> None:
    (_, a), (process, b) = site.backends.start("a"), site.backends.start("b", delay_ms=5)
    site.envoy.apply(site.split(a, b, 50))
    load, thread = site.in_background()
    time.sleep(0.7)
    kill(process.pid)
    time.sleep(1.0)
    load.stop()
    thread.join()
    assert load.answers.statuses.keys() == {200}
    after = [row for row in load.answers.rows[-100:] if row[3] == "canary"]
    assert after == []  # who stood in says its own name
    found = site.envoy.counters(BOTH)
    assert found[BOTH[1]].failures > 10
    assert found[BOTH[0]].failures == 0


def test_a_models_own_500_reaches_the_client_and_is_counted_once(site: Site) -> None:
    (_, a), (_, b) = site.backends.start("a"), site.backends.start("b", error_rate=1.0)
    site.envoy.apply(site.split(a, b, 50))
    answers = site.ask(400)
    assert answers.statuses[500] == answers.predictors["canary"]
    found = site.envoy.counters(BOTH)
    assert (found[BOTH[1]].requests, found[BOTH[1]].failures) == (answers.statuses[500],) * 2
    assert found[BOTH[0]].failures == 0


def test_requests_that_clients_gave_up_on_are_failures(site: Site) -> None:
    _, port = site.backends.start("a", delay_ms=30_000)
    only = Backend("uid-a", "default", "1.0.0", (("127.0.0.1", port),))
    site.envoy.apply([DeploymentRoute("acgs", "credit", (only,), (100,))])
    for _ in range(3):
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(gateway_url(site.settings) + PATH, timeout=0.2, trust_env=False)
    wait_until(lambda: site.envoy.counters(BOTH)[BOTH[0]].failures == 3, "three are counted")
    assert site.envoy.counters(BOTH)[BOTH[0]].requests == 3


def test_a_header_pins_the_predictor(site: Site) -> None:
    (_, a), (_, b) = site.backends.start("a"), site.backends.start("b")
    site.envoy.apply(site.split(a, b, 0))
    for predictor, version in (("canary", "1.1.0"), ("default", "1.0.0")):
        answer = site.get(PATH, **{"x-acgs-predictor": predictor})
        assert answer.headers["x-acgs-predictor"] == predictor
        assert answer.headers["x-acgs-model-version"] == version


def test_latency_is_counted_in_buckets(site: Site) -> None:
    (_, a), (_, b) = site.backends.start("a"), site.backends.start("b", delay_ms=60)
    site.envoy.apply(site.split(a, b, 50))
    site.ask(200)
    wait_until(
        lambda: sum(c.timed for c in site.envoy.counters(BOTH).values()) == 200,
        "histograms are merged",
    )
    found = site.envoy.counters(BOTH)
    assert found[BOTH[1]].slower_than(50) == found[BOTH[1]].timed
    assert found[BOTH[0]].slower_than(50) == 0


def test_a_table_survives_an_envoy_that_starts_again(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    envoy = EnvoyGateway(settings)
    only = Backend("uid-b", "default", "1.0.0", (("127.0.0.1", 9),))
    with gateway(settings):
        envoy.apply([DeploymentRoute("acgs", "credit", (only,), (100,))])
        first = envoy.epoch()
    assert envoy.weights("acgs", "credit") is None
    with gateway(settings):
        assert envoy.weights("acgs", "credit") == {"uid-b": 100}
        assert envoy.epoch() != first


def test_a_gateway_that_is_not_there_is_an_error_that_says_so(tmp_path: Path) -> None:
    envoy = EnvoyGateway(make_settings(tmp_path))
    with pytest.raises(GatewayError, match="did not answer"):
        envoy.counters(BOTH)
    assert envoy.weights("acgs", "credit") is None
