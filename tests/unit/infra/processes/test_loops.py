from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.component import Health
from infra.processes import health
from infra.processes.loops import Loop, go_round
from infra.settings import Settings

NAME = "toy"
Pulse = Callable[[], None]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(storage_root=tmp_path)


def state(settings: Settings) -> Health:
    return health.beating(settings, NAME, max_age_seconds=1.2).health


def wait_for(settings: Settings, wanted: Health) -> None:
    limit = time.monotonic() + 20
    while state(settings) is not wanted:
        assert time.monotonic() < limit, health.beating(settings, NAME, max_age_seconds=1.2)
        time.sleep(0.02)


def test_a_role_beats_while_all_of_its_loops_go_round_and_no_longer(settings: Settings) -> None:
    stuck, stop = threading.Event(), threading.Event()

    def goes(stop: threading.Event, pulse: Pulse) -> None:
        while not stop.wait(0.02):
            pulse()

    def gets_stuck(stop: threading.Event, pulse: Pulse) -> None:
        while not stop.wait(0.02):
            if not stuck.is_set():
                pulse()

    loops = [Loop("one", goes, 0.5), Loop("two", gets_stuck, 0.5)]
    role = threading.Thread(target=go_round, args=(settings, NAME, loops, stop))
    role.start()
    wait_for(settings, Health.OK)
    stuck.set()
    wait_for(settings, Health.FAILED)
    stuck.clear()
    wait_for(settings, Health.OK)
    stop.set()
    role.join(10)
    assert not role.is_alive()


def test_a_loop_that_raises_ends_the_others_and_the_role_with_its_error(settings: Settings) -> None:
    ended: list[str] = []

    def raises(_stop: threading.Event, _pulse: Pulse) -> None:
        raise ValueError("cheese")

    def waits(stop: threading.Event, _pulse: Pulse) -> None:
        stop.wait(20)
        ended.append("waits")

    with pytest.raises(ValueError, match="cheese"):
        go_round(settings, NAME, [Loop("a", waits, 60), Loop("b", raises, 60)], threading.Event())
    assert ended == ["waits"]


def test_a_role_that_waits_for_something_is_starting_and_says_for_what(settings: Settings) -> None:
    missing, stop = ["the gateway"], threading.Event()
    role = threading.Thread(
        target=go_round,
        args=(settings, NAME, [], stop),
        kwargs={"not_yet": lambda: " ".join(missing)},
    )
    role.start()
    wait_for(settings, Health.STARTING)
    limit = time.monotonic() + 20
    while health.beating(settings, NAME).detail != "the gateway":
        assert time.monotonic() < limit
        time.sleep(0.02)
    missing.clear()
    wait_for(settings, Health.OK)
    stop.set()
    role.join(10)
