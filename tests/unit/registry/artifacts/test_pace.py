"""Background reading keeps below its rate."""

from __future__ import annotations

from registry.artifacts.scrub import bounded


def test_reading_never_goes_faster_than_its_bound() -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    pace = bounded(100.0, sleep, lambda: now)
    for _ in range(50):
        pace(20)
    assert now >= 9.0


def test_time_that_nobody_used_does_not_add_up() -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    pace = bounded(100.0, sleep, lambda: now)
    now = 1000.0
    for _ in range(10):
        pace(100)
    assert now >= 1008.0
