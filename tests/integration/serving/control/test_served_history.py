"""What the registry says served, against what clients of the running gateway were answered."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

from infra.clock import utc_now
from registry.lineage.service import Lineage
from tests.integration.serving.control.test_deployer import CANARY
from tests.integration.serving.kit import NAME, Platform, deploying

NEAR = timedelta(milliseconds=400)
"""Between a weight in force and its being read back and written down, on a busy machine."""


class Witness:
    """A client that writes down which version answered when."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.seen: list[tuple[datetime, str]] = []

    def __enter__(self) -> Witness:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join(20)

    def _run(self) -> None:
        while not self._stop.is_set():
            answer = self._platform.ask()
            if answer.status_code == 200:
                self.seen.append((utc_now(), answer.headers["x-acgs-model-version"]))
            time.sleep(0.02)


def test_every_answer_came_from_a_version_that_is_recorded_as_serving_then(
    platform: Platform,
) -> None:
    platform.endpoint(**CANARY)
    lineage = Lineage(platform.registry)

    def served(at: datetime) -> dict[str, int]:
        found = lineage.served(NAME, at)
        return {t.semver: t.share_percent for t in found if t.place == "endpoint"}

    with deploying(platform.settings):
        first = platform.first()
        begun = utc_now()
        with Witness(platform) as witness, platform.load(connections=4):
            second = platform.register()
            platform.wait_phase(platform.roll_out(second), "succeeded", seconds=40)
            between = utc_now()
            back = platform.registry.rollbacks.request_rollback(
                NAME, "ada", "complaints", utc_now()
            )
            platform.wait_phase(back, "succeeded", seconds=40)
            time.sleep(0.5)
    assert len({semver for _, semver in witness.seen}) == 2
    for at, semver in witness.seen:
        around = served(max(at - NEAR, begun)) | served(at) | served(at + NEAR)
        assert semver in around, (at, semver, around)
    assert served(between) == {second.semver: 100}
    assert served(utc_now()) == {first.semver: 100}
    steps = [
        served(datetime.fromtimestamp(event.at_ms / 1000, UTC) + NEAR)
        for event in platform.registry.audit.events(name=NAME)
        if event.type == "rollout.step" and event.data["weight_percent"] in {20, 50}
    ]
    assert steps == [{first.semver: 80, second.semver: 20}, {first.semver: 50, second.semver: 50}]
