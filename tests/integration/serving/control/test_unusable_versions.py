"""Versions that must not be used any more, on their way to traffic."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from infra.clock import utc_now
from infra.errors import UnavailableError
from registry.domain.records import VersionRecord
from registry.domain.values import Stage
from registry.files.domain.manifest import Manifest
from registry.files.service import Files
from serving.endpoints.views import endpoint_view
from serving.engines.local.engine import Launch
from tests.integration.serving.control.test_deployer import CANARY
from tests.integration.serving.kit import NAME, Platform, backend_command, deploying, wait_until
from tests.support.hostile.layout import deep
from tests.support.hostile_folders import remove

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
            platform.registry.custody.quarantine(second, "behaviour.json: gone", "acgs", utc_now())
            done = platform.wait_phase(rollout, "rolled_back", seconds=5)
            wait_until(lambda: platform.servers() == {first.semver}, "its server has ended")
    assert done.reasons[0]["rule"] == "artifact.quarantined"
    assert "behaviour.json: gone" in done.reasons[0]["found"]
    assert load.answers.failed == 0
    assert platform.registry.stages.champion_number(NAME) == first.version
    assert platform.registry.stages.position(second.uid).stage is Stage.STAGING


def test_a_version_that_serves_goes_on_when_it_is_quarantined(platform: Platform) -> None:
    platform.endpoint(**CANARY)
    with deploying(platform.settings):
        first = platform.first()
        (Path(first.source) / "behaviour.json").unlink()
        platform.registry.custody.quarantine(first, "behaviour.json: gone", "acgs", utc_now())
        platform.kill_server(first)
        wait_until(lambda: platform.ask().status_code == 200, "it comes back from its own copy")
    endpoint = platform.registry.endpoints.endpoint(NAME)
    view = endpoint_view(platform.registry, platform.settings, endpoint)
    assert view["stable_unusable"] == "behaviour.json: gone"


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
    assert platform.registry.endpoints.endpoint(NAME).stable_uid == second.uid


@pytest.mark.parametrize("before", [True, False], ids=["registered deep", "deep since"])
def test_a_folder_six_hundred_levels_deep_ends_its_rollout_and_no_deployer(
    platform: Platform, before: bool
) -> None:
    def save(folder: Path) -> None:
        folder.mkdir()
        (folder / "behaviour.json").write_text("{}")
        if before:
            deep(folder, 600)

    platform.endpoint(**CANARY)
    with deploying(platform.settings):
        first = platform.first()
        with platform.load() as load:
            second = platform.register(save)
            if not before:
                deep(Path(second.source), 600, file="weights")
            done = platform.wait_phase(platform.roll_out(second), "rolled_back")
            third = platform.register()
            platform.wait_phase(platform.roll_out(third), "succeeded", seconds=40)
    remove(Path(second.source))
    assert done.reasons[0]["rule"] == "artifact.unreadable"
    assert "up to 32 folders" in done.reasons[0]["found"]
    assert load.answers.failed == 0
    assert platform.registry.endpoints.endpoint(NAME).stable_uid == third.uid != first.uid


class Away:
    """A store that can be away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.away = False
        look = Files.current_manifest

        def asked(files: Files, record: VersionRecord) -> Manifest:
            if self.away:
                raise UnavailableError("the bucket does not answer")
            return look(files, record)

        monkeypatch.setattr(Files, "current_manifest", asked)


def test_a_rollout_waits_for_a_store_that_is_away(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Away(monkeypatch)
    platform.endpoint(**CANARY)
    with deploying(platform.settings):
        first = platform.first()
        store.away = True
        with platform.load() as load:
            second = platform.register()
            rollout = platform.roll_out(second)
            time.sleep(1)
            assert platform.registry.rollouts.rollout(rollout.id).phase == "pending"
            assert platform.servers() == {first.semver}
            store.away = False
            platform.wait_phase(rollout, "succeeded", seconds=40)
    assert load.answers.failed == 0


def test_a_store_that_stays_away_ends_the_rollout_and_is_named(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Away(monkeypatch)
    platform.endpoint(**{**CANARY, "ready_seconds": 1.0})
    with deploying(platform.settings):
        store.away = True
        done = platform.wait_phase(platform.roll_out(platform.register()), "rolled_back")
    assert done.reasons[0]["rule"] == "rollout.candidate_ready"
    assert "not ready after 1 s; the bucket does not answer" in done.reasons[0]["found"]
    assert "make their store readable" in done.reasons[0]["fix"]
    assert "log" not in done.reasons[0]["fix"]
