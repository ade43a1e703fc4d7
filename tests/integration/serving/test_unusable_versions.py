"""Versions that must not be used any more, on their way to traffic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from infra.clock import utc_now
from registry.domain.values import Stage
from serving.adapters.local import Launch
from tests.integration.serving.kit import NAME, Platform, backend_command, deploying, wait_until
from tests.integration.serving.test_deployer import CANARY

HOLDING = {
    **CANARY,
    "steps": [{"weight_percent": 40, "hold_seconds": 60}, {"weight_percent": 100}],
    "deadline_seconds": 120,
}


def test_a_canary_that_is_quarantined_is_taken_back_without_a_failed_request(
    platform: Platform,
) -> None:
    platform.endpoint(**HOLDING)
    with deploying(platform.settings):
        first = platform.first()
        with platform.load() as load:
            second = platform.register()
            rollout = platform.roll_out(second)
            wait_until(lambda: load.answers.predictors["canary"] > 20, "the canary has traffic")
            platform.registry.quarantine(second, "behaviour.json: gone", "acgs", utc_now())
            done = platform.wait_phase(rollout, "rolled_back", seconds=5)
            wait_until(lambda: platform.servers() == {first.semver}, "its server has ended")
    assert done.reasons[0]["rule"] == "artifact.quarantined"
    assert "behaviour.json: gone" in done.reasons[0]["found"]
    assert load.answers.failed == 0
    assert platform.registry.champion_number(NAME) == first.version
    assert platform.registry.position(second.uid).stage is Stage.STAGING


def test_a_version_that_serves_goes_on_when_it_is_quarantined(platform: Platform) -> None:
    platform.endpoint(**CANARY)
    with deploying(platform.settings):
        first = platform.first()
        (Path(first.source) / "behaviour.json").unlink()
        platform.registry.quarantine(first, "behaviour.json: gone", "acgs", utc_now())
        platform.kill_server(first)
        wait_until(lambda: platform.ask().status_code == 200, "it comes back from its own copy")


def test_nothing_is_started_for_a_damaged_version_that_served_before(platform: Platform) -> None:
    launched: list[str] = []

    def command(launch: Launch) -> Sequence[str]:
        launched.append(launch.predictor.version.semver)
        return backend_command(launch)

    platform.endpoint(**CANARY)
    with deploying(platform.settings, command):
        first = platform.first()
        with platform.load():
            second = platform.register()
            platform.wait_phase(platform.roll_out(second), "succeeded", seconds=40)
            wait_until(lambda: platform.servers() == {second.semver}, "the old server has ended")
            (Path(first.source) / "evil.py").write_text("print('evil')")
            done = platform.wait_phase(platform.roll_out(first), "rolled_back")
    assert [reason["found"] for reason in done.reasons] == ["evil.py: added"]
    assert launched == [first.semver, second.semver]
    assert platform.registry.endpoint(NAME).stable_uid == second.uid
