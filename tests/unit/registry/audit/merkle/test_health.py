"""Health says why nothing is signed, and since when events wait."""

from __future__ import annotations

import pytest

from infra.component import Health
from registry.audit.merkle.adapters.leaves import Remembered, Waiting
from registry.audit.merkle.health import judged, judged_mirror, judged_witness

NOW_MS = 1_000_000


@pytest.mark.parametrize(
    ("known", "waiting", "health", "detail"),
    [
        (Remembered(size=7), Waiting(0, None), Health.OK, "7 events signed, 0 wait"),
        (Remembered(size=7), Waiting(2, NOW_MS - 900), Health.OK, "7 events signed, 2 wait"),
        (Remembered(size=7), Waiting(1, NOW_MS + 9), Health.OK, "7 events signed, 1 wait"),
        (
            Remembered(size=7),
            Waiting(2, NOW_MS - 61_000),
            Health.FAILED,
            "2 events wait, the first for 61 s; does the manager run?",
        ),
        (
            Remembered(size=7, error="gone\n  what to do: restore"),
            Waiting(2, NOW_MS),
            Health.FAILED,
            "nothing is signed, 2 events wait: gone what to do: restore",
        ),
    ],
)
def test_health_judges_the_log(
    known: Remembered, waiting: Waiting, health: Health, detail: str
) -> None:
    probe = judged(known, waiting, NOW_MS)
    assert (probe.health, probe.detail) == (health, detail)


URL = "https://witness.example"


@pytest.mark.parametrize(
    ("known", "url", "health", "detail"),
    [
        (Remembered(size=7), "", Health.OK, "no witness: ACGS_AUDIT_WITNESS is not set"),
        (
            Remembered(size=7, signed_ms=NOW_MS, cosigned_size=5, cosigned_ms=1),
            URL,
            Health.OK,
            "5 events cosigned, 2 wait",
        ),
        (
            Remembered(size=7, signed_ms=NOW_MS - 61_000, cosigned_size=5, cosigned_ms=1),
            URL,
            Health.FAILED,
            "2 events are not cosigned; does the manager run?",
        ),
        (
            Remembered(size=7, signed_ms=NOW_MS, witness_error="away\n  what to do: wait"),
            URL,
            Health.FAILED,
            "7 events are not cosigned: away what to do: wait",
        ),
    ],
)
def test_health_judges_the_witness(
    known: Remembered, url: str, health: Health, detail: str
) -> None:
    probe = judged_witness(known, url, NOW_MS)
    assert (probe.health, probe.detail) == (health, detail)


@pytest.mark.parametrize(
    ("known", "uri", "health", "detail"),
    [
        (Remembered(size=7), "", Health.OK, "no mirror: ACGS_AUDIT_MIRROR is not set"),
        (
            Remembered(size=7, signed_ms=NOW_MS, mirrored_size=5, mirrored_ms=1),
            "s3://b",
            Health.OK,
            "5 events copied, 2 wait",
        ),
        (
            Remembered(size=7, signed_ms=NOW_MS - 61_000),
            "s3://b",
            Health.FAILED,
            "7 events are not copied; does the manager run?",
        ),
        (
            Remembered(size=7, signed_ms=NOW_MS, mirror_error="denied"),
            "s3://b",
            Health.FAILED,
            "7 events are not copied: denied",
        ),
    ],
)
def test_health_judges_the_mirror(known: Remembered, uri: str, health: Health, detail: str) -> None:
    probe = judged_mirror(known, uri, NOW_MS)
    assert (probe.health, probe.detail) == (health, detail)
