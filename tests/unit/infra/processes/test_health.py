from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.component import Component, Health, Probe, Role
from infra.processes import health
from infra.settings import Settings

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(storage_root=tmp_path)


@pytest.mark.parametrize(("age_seconds", "expected"), [(4.9, Health.OK), (5.1, Health.FAILED)])
def test_a_heartbeat_is_good_until_it_is_too_old(
    settings: Settings, age_seconds: float, expected: Health
) -> None:
    health.beat(settings, "manager", clock=lambda: NOON)
    later = NOON + timedelta(seconds=age_seconds)
    probe = health.beating(settings, "manager", max_age_seconds=5, clock=lambda: later)
    assert probe.health is expected


def test_a_role_that_never_beat_or_whose_process_ended_is_starting(settings: Settings) -> None:
    assert health.beating(settings, "manager", max_age_seconds=5).health is Health.STARTING
    health.beat(settings, "manager")
    file = settings.storage_root / "run" / "manager.beat"
    file.write_text(json.dumps({**json.loads(file.read_text()), "boot": "earlier"}))
    probe = health.beating(settings, "manager", max_age_seconds=5)
    assert probe.health is Health.STARTING
    assert "has ended" in probe.detail


def test_every_probe_is_asked_and_one_that_raises_or_hangs_counts_as_failed(
    settings: Settings,
) -> None:
    def raises(_settings: Settings) -> list[Probe]:
        raise OSError("no disk")

    def hangs(_settings: Settings) -> Probe:
        time.sleep(1.5)
        return Probe("late", Health.OK)

    good = Component("good", probes=lambda _s: [Probe("disk", Health.OK), Probe("x", Health.OK)])
    bad = Component("bad", probes=raises)
    slow = Component(
        "slow", roles=lambda: [Role("slow-role", "", run=lambda _s, _e: None, ready=hangs)]
    )
    found = health.collect(settings, [good, bad, slow], timeout_seconds=0.5)
    assert [(f.component, f.probe.name, f.probe.health.value) for f in found] == [
        ("good", "disk", "ok"),
        ("good", "x", "ok"),
        ("bad", "bad", "failed"),
        ("slow", "slow-role", "failed"),
    ]
    assert found[2].probe.detail == "OSError: no disk"
