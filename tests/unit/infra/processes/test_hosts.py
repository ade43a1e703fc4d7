"""When a role counts as silent, so that its supervisor starts it again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.component import Health, Probe, Role
from infra.processes.hosts import Part
from infra.settings import Settings
from serving.roles import gateway_ready

READY = Probe("it", Health.OK)
NO_ANSWER = Probe("it", Health.STARTING, "no answer", silent=True)
NO_BEAT = Probe("it", Health.FAILED, "last heartbeat 12 s ago", silent=True)
WAITS = Probe("it", Health.STARTING, "waits for endpoints")
LACKS_DATABASE = Probe("it", Health.FAILED, "the database does not answer")


def part_after(*probes: Probe | None) -> Part:
    """Return a role that answered so; None is its end and its new start."""
    part = Part(Role("it", "a role", run=lambda *_: None, ready=lambda _: READY), since=0)
    for probe in probes:
        if probe is None:
            part.note_death("ended", 0.5)
            part.state = "starting"
        else:
            part.note_probe(probe)
    return part


@pytest.mark.parametrize(
    ("probes", "is_silent"),
    [
        ((NO_ANSWER,), False),
        ((WAITS, NO_ANSWER), False),
        ((READY, NO_ANSWER), True),
        ((READY, NO_ANSWER, NO_ANSWER), True),
        ((READY, NO_ANSWER, READY), False),
        ((READY, LACKS_DATABASE), False),
        ((READY, WAITS), False),
        ((READY, NO_ANSWER, LACKS_DATABASE), False),
        ((READY, LACKS_DATABASE, NO_ANSWER), True),
        ((READY, None, NO_ANSWER), False),
        ((READY, NO_ANSWER, None), False),
        ((READY, None, READY, NO_ANSWER), True),
        ((NO_BEAT,), True),
        ((WAITS, NO_BEAT), True),
        ((READY, NO_BEAT), True),
    ],
)
def test_a_role_is_silent_once_it_stopped_to_give_signs_of_life(
    probes: tuple[Probe | None, ...], is_silent: bool
) -> None:
    assert (part_after(*probes).silent_since is not None) is is_silent


def test_silence_counts_from_its_beginning() -> None:
    part = part_after(READY, NO_ANSWER)
    begun = part.silent_since
    part.note_probe(NO_ANSWER)
    assert part.silent_since == begun


def _registry_ready(settings: Settings) -> Probe:
    from registry.plugin import boot
    from registry.plugin.server import ready

    boot.announce(settings)
    return ready(settings)


def _scorer_ready(settings: Settings) -> Probe:
    from compliance.role import ready

    return ready(settings)


@pytest.mark.parametrize("ready", [_registry_ready, _scorer_ready, gateway_ready])
def test_a_server_that_does_not_answer_is_silent(
    ready: Callable[[Settings], Probe], tmp_path: Path
) -> None:
    nobody = {"ACGS_REGISTRY_PORT": "1", "ACGS_COMPLIANCE_PORT": "1", "ACGS_GATEWAY_PORT": "1"}
    probe = ready(Settings.read({"MLOPS_STORAGE_ROOT": str(tmp_path), **nobody}))
    assert (probe.health, probe.silent) == (Health.STARTING, True)
