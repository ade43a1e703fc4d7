"""Whole rollouts: real registry, real Envoy, real processes, live traffic."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from infra.clock import utc_now
from registry.domain.values import Stage
from serving.control.orders import OrderRefusedError, give_order
from serving.domain.state import Order
from tests.integration.serving.kit import NAME, Platform, deploying, wait_until

# Slowness has its tests in test_decide.py: here it would judge how busy the machine is.
CHECKS = {"max_error_rate_increase": 0.1, "max_slow_share_increase": 0.9, "min_requests": 30}
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
    assert platform.registry.endpoints.endpoint(NAME).stable_uid == version.uid
    assert platform.registry.stages.champion_number(NAME) == version.version


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
    assert platform.registry.endpoints.endpoint(NAME).stable_uid == second.uid
    assert platform.registry.stages.champion_number(NAME) == second.version
    assert platform.registry.stages.position(first.uid).stage is Stage.ARCHIVED
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
    assert platform.registry.endpoints.endpoint(NAME).stable_uid == first.uid
    assert platform.registry.stages.champion_number(NAME) == first.version
    assert platform.registry.stages.position(bad.uid).stage is Stage.STAGING
    assert (
        platform.events()[-1] == "rollout.rolled_back" or "rollout.rolled_back" in platform.events()
    )


def test_a_killed_canary_process_fails_no_request_and_comes_back(platform: Platform) -> None:
    # So lenient that a death, and the slow answers around it, are no reason to roll back.
    checks = {
        "max_error_rate_increase": 0.9,
        "max_slow_share_increase": 0.9,
        "min_requests": 30,
    }
    steps = [{"weight_percent": 50, "hold_seconds": 3}, {"weight_percent": 100}]
    platform.endpoint(strategy="canary", steps=steps, checks=checks)
    with deploying(platform.settings):
        platform.first()
        second = platform.register()
        with platform.load() as load:
            rollout = platform.roll_out(second)
            wait_until(lambda: load.answers.predictors["canary"] > 50, "the canary has traffic")
            platform.kill_server(second)
            before = load.answers.predictors["canary"]
            wait_until(
                lambda: load.answers.predictors["canary"] > before + 50, "the canary is back"
            )
            platform.wait_phase(rollout, "succeeded")
    assert load.answers.statuses.keys() == {200}


def test_a_version_whose_server_cannot_start_is_rolled_back_with_its_log(
    platform: Platform,
) -> None:
    platform.endpoint(**CANARY)
    with deploying(platform.settings):
        platform.first()
        rollout = platform.wait_phase(platform.roll_out(platform.register(crash=True)),
                                      "rolled_back")  # fmt: skip
        assert platform.ask().status_code == 200
    assert rollout.reasons[0]["rule"] == "rollout.candidate_ready"
    assert "this model cannot be loaded" in rollout.reasons[0]["found"]


def test_a_version_that_never_gets_ready_is_rolled_back(platform: Platform) -> None:
    platform.endpoint(**{**CANARY, "ready_seconds": 1.0})
    with deploying(platform.settings):
        hanging = platform.register(start_seconds=60)
        rollout = platform.wait_phase(platform.roll_out(hanging), "rolled_back")
        assert "not ready after 1 s" in rollout.reasons[0]["found"]
        wait_until(lambda: platform.servers() == set(), "its server has ended")
    assert platform.registry.endpoints.endpoint(NAME).stable_uid is None


def test_files_changed_after_registration_are_never_served(platform: Platform) -> None:
    platform.endpoint(**CANARY)
    version = platform.register()
    (Path(version.source) / "behaviour.json").write_text('{"error_rate": 0.0, "evil": 1}')
    with deploying(platform.settings):
        rollout = platform.wait_phase(platform.roll_out(version), "rolled_back")
    assert rollout.reasons[0]["rule"] == "artifact.changed"
    assert rollout.reasons[0]["found"] == "behaviour.json: content changed"
    assert platform.servers() == set()


def test_blue_green_switches_at_once_and_takes_a_bad_green_back(platform: Platform) -> None:
    platform.endpoint(strategy="blue_green", bake_seconds=1.0, checks=CHECKS)
    with deploying(platform.settings):
        first = platform.first()
        with platform.load() as load:
            good = platform.register()
            platform.wait_phase(platform.roll_out(good), "succeeded", seconds=40)
            assert load.answers.failed == 0
            bad = platform.register(error_rate=0.5)
            rollout = platform.wait_phase(platform.roll_out(bad), "rolled_back", seconds=40)
    assert rollout.reasons[0]["rule"] in ("rollout.error_rate", "rollout.smoke_prediction")
    assert platform.registry.endpoints.endpoint(NAME).stable_uid == good.uid
    assert platform.registry.stages.position(first.uid).stage is Stage.ARCHIVED


def test_a_finished_rollout_is_taken_back_to_the_version_before(platform: Platform) -> None:
    platform.endpoint(**CANARY)
    with deploying(platform.settings):
        first = platform.first()
        with platform.load() as load:
            platform.wait_phase(platform.roll_out(platform.register()), "succeeded", seconds=40)
            back = platform.registry.rollbacks.request_rollback(
                NAME, "ann", "complaints", utc_now()
            )
            started = time.monotonic()
            platform.wait_phase(back, "succeeded")
            took = time.monotonic() - started
    assert load.answers.failed == 0
    assert took < 10
    assert platform.registry.endpoints.endpoint(NAME).stable_uid == first.uid
    assert platform.registry.stages.champion_number(NAME) == first.version


def test_people_pause_resume_promote_and_abort(platform: Platform) -> None:
    steps = [{"weight_percent": 30, "hold_seconds": 60}, {"weight_percent": 100}]
    slow = {**CANARY, "steps": steps, "deadline_seconds": 120}
    platform.endpoint(**slow)
    registry = platform.registry

    def tell(order: Order) -> None:
        give_order(registry, NAME, order, "ann", "because", utc_now())

    with deploying(platform.settings), platform.load():
        first = platform.first()
        rollout = platform.roll_out(platform.register())
        platform.wait_phase(rollout, "progressing")
        tell(Order.PAUSE)
        platform.wait_phase(rollout, "paused")
        with pytest.raises(OrderRefusedError, match="expected it"):
            tell(Order.PAUSE)
        tell(Order.RESUME)
        platform.wait_phase(rollout, "progressing")
        tell(Order.ABORT)
        ended = platform.wait_phase(rollout, "rolled_back")
        assert ended.reasons[0]["rule"] == "rollout.aborted"
        assert registry.endpoints.endpoint(NAME).stable_uid == first.uid
        again = platform.roll_out(platform.register())
        platform.wait_phase(again, "progressing")
        tell(Order.PROMOTE)
        platform.wait_phase(again, "succeeded")
    events = platform.events()
    assert {"rollout.paused", "rollout.resumed", "rollout.abort_requested"} <= set(events)


def test_a_deployer_killed_at_random_goes_on_where_it_was(platform: Platform) -> None:
    platform.endpoint(**CANARY)
    dice = random.Random(7)
    with platform.load() as load:
        with deploying(platform.settings):
            first = platform.first()
        started = len(load.answers.rows)
        second = platform.register()
        rollout = platform.roll_out(second)
        for _ in range(4):
            with platform.deployer_process():
                time.sleep(dice.uniform(0.05, 1.0))
        with deploying(platform.settings):
            platform.wait_phase(rollout, "succeeded", seconds=40)
            wait_until(lambda: platform.servers() == {second.semver}, "one version serves")
    assert {row[2] for row in load.answers.rows[started:]} == {200}
    assert platform.events().count("rollout.promoted") == 2
    assert platform.registry.stages.position(first.uid).stage is Stage.ARCHIVED
