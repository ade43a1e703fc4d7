"""Whole rollouts: real registry, real Envoy, real processes, live traffic."""

from __future__ import annotations

import time

from registry.domain.values import Stage
from tests.integration.serving.kit import NAME, Platform, deploying, wait_until

CHECKS = {"max_error_rate_increase": 0.1, "min_requests": 30}
CANARY = {
    "strategy": "canary",
    "steps": [
        {"weight_percent": 20, "hold_seconds": 0.5},
        {"weight_percent": 50, "hold_seconds": 0.5},
        {"weight_percent": 100, "hold_seconds": 0.5},
    ],
    "checks": CHECKS,
    "ready_seconds": 15,
}


def test_the_first_version_serves_as_soon_as_it_is_ready(platform: Platform) -> None:
    platform.endpoint(**CANARY)
    with deploying(platform.settings):
        wait_until(lambda: platform.ask().status_code == 503, "503 while nothing is ready")
        assert platform.ask().json()["error_code"] == "serving.not_ready"
        version = platform.first()
        answer = platform.ask()
    assert answer.status_code == 200
    assert answer.headers["x-acgs-predictor"] == "default"
    assert answer.headers["x-acgs-model-version"] == version.semver
    assert platform.registry.endpoint(NAME).stable_uid == version.uid
    assert platform.registry.champion_number(NAME) == version.version


def test_a_good_canary_goes_step_by_step_and_becomes_champion_without_a_failed_request(
    platform: Platform,
) -> None:
    platform.endpoint(**CANARY)
    with deploying(platform.settings):
        first = platform.first()
        with platform.load() as load:
            second = platform.register()
            rollout = platform.wait_phase(platform.roll_out(second), "succeeded", seconds=40)
            wait_until(lambda: platform.servers() == {second.semver}, "the old server has ended")
            time.sleep(0.3)
    assert load.answers.failed == 0
    assert len(load.answers.rows) > 500
    assert {"default", "canary"} == set(load.answers.predictors)
    assert platform.events().count("rollout.step") >= 3
    assert platform.registry.endpoint(NAME).stable_uid == second.uid
    assert platform.registry.champion_number(NAME) == second.version
    assert platform.registry.position(first.uid).stage is Stage.ARCHIVED
    assert rollout.reasons == ()


def test_a_canary_that_fails_on_live_traffic_is_rolled_back_everywhere(platform: Platform) -> None:
    platform.endpoint(**CANARY)
    with deploying(platform.settings):
        first = platform.first()
        with platform.load() as load:
            bad = platform.register(error_rate=0.4)
            rollout = platform.wait_phase(platform.roll_out(bad), "rolled_back", seconds=40)
            since = time.monotonic()
            wait_until(lambda: platform.servers() == {first.semver}, "the bad server has ended")
            time.sleep(0.3)
    assert rollout.reasons[0]["rule"] == "rollout.error_rate"
    by_canary = [row for row in load.answers.rows if row[2] != 200]
    assert by_canary
    assert {row[3] for row in by_canary} == {"canary"}
    assert not [row for row in by_canary if row[0] > since]
    assert platform.registry.endpoint(NAME).stable_uid == first.uid
    assert platform.registry.champion_number(NAME) == first.version
    assert platform.registry.position(bad.uid).stage is Stage.STAGING
    assert (
        platform.events()[-1] == "rollout.rolled_back" or "rollout.rolled_back" in platform.events()
    )
