"""A model whose file nobody scanned tries to get out: while it is scored, and while it serves.

Every attempt succeeds with the confinement off, so each of these tests can fail.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compliance.sandbox import Limits, Sandbox
from infra.confinement.plan import Means
from infra.confinement.probe import available
from tests.support.attempts import ATTEMPTS, Targets
from tests.support.confined_server import served
from tests.support.hostile_world import attacking_model, frame, world

OFF: frozenset[Means] = frozenset()
NAMESPACES = frozenset(
    {
        Means.USER_NAMESPACE,
        Means.FILE_SYSTEM,
        Means.PROCESS_NAMESPACE,
        Means.NETWORK_NAMESPACE,
        Means.LIMITS,
    }
)
WITHOUT_NAMESPACES = frozenset({Means.LANDLOCK, Means.SECCOMP, Means.LIMITS})
LEFT_BEHIND = "leave_a_process_behind"
OUTLIVING_SECONDS = 2.5
"""After the attempt to leave a process behind; that process shows itself after 1.5 seconds."""

Try = Callable[[str], str]
"""Make one attempt; what came of it, `reached: …` or `stopped: …`."""

RESIDUAL = {
    "all": set(),
    "no Landlock": set(),
    # One folder of the machine is the scratch folder then; each file in it is limited, not all.
    # Nothing counts threads of one process among all of the user's.
    "no namespaces": {"fill_the_disk", "make_many_files", "start_a_thousand_threads"},
    # Its own view of everything: it may make processes and sockets, which reach only each other.
    "namespaces alone": {
        "fork", "run_a_program", "spawn_a_program", "listen_on_a_port", "send_a_datagram",
        "list_the_network_interfaces", "hide_memory_in_a_file", "hide_memory_in_a_segment",
        "leave_a_process_behind", "signal_everybody", "outlive_the_parent",
        "have_the_kernel_signal_another_process", "send_by_a_pair_of_datagram_sockets",
        "hold_up_those_who_write_a_file", "be_told_what_becomes_of_a_folder",
        "take_one_of_the_users_watchers", "hide_memory_in_larger_socket_buffers",
        "hide_memory_in_a_larger_pipe",
    },
}  # fmt: skip
LAYERS = {
    "all": frozenset(Means),
    "no Landlock": NAMESPACES | {Means.SECCOMP},
    "no namespaces": WITHOUT_NAMESPACES,
    "namespaces alone": NAMESPACES,
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return attacking_model(tmp_path_factory.mktemp("hostile") / "model")


@pytest.fixture
def targets(tmp_path: Path, model: Path) -> Iterator[Targets]:
    with world(tmp_path, model) as found:
        yield found


@contextlib.contextmanager
def scoring(means: frozenset[Means], model: Path, targets: Targets) -> Iterator[Try]:
    with Sandbox(Limits(deadline_seconds=30), means=means, lanes=1, rebuilds=False) as sandbox:

        def make(name: str) -> str:
            (answers,) = sandbox.predict(model, [frame(name, targets)]).answers
            return str(answers[0])

        yield make


@contextlib.contextmanager
def serving(means: frozenset[Means], model: Path, targets: Targets) -> Iterator[Try]:
    with served(model, means) as server:

        def make(name: str) -> str:
            data = {"names": ["attempt", "targets"], "ndarray": [[name, targets.to_json()]]}
            answer = server.http.post("/api/v1.0/predictions", json={"data": data})
            assert answer.status_code == 200, answer.text
            return str(answer.json()["data"]["ndarray"][0])

        yield make


PLACES = {"scoring": scoring, "serving": serving}


def reached(make: Try, targets: Targets) -> set[str]:
    # First, so that the other attempts pass the time in which what it left would show itself.
    answers = {LEFT_BEHIND: make(LEFT_BEHIND)}
    outlived_at = time.monotonic() + OUTLIVING_SECONDS
    answers |= {name: make(name) for name in ATTEMPTS if name != LEFT_BEHIND}
    time.sleep(max(0.0, outlived_at - time.monotonic()))
    found = {name for name, answer in answers.items() if answer.startswith("reached")}
    if Path(targets.outside, "outlived").exists():
        found.add(LEFT_BEHIND)
    for name in sorted(found):
        print(name, answers[name])
    return found


def test_there_are_forty_attempts() -> None:
    assert len(ATTEMPTS) >= 40


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("layers", LAYERS)
def test_a_hostile_model_reaches_nothing(
    place: str, layers: str, model: Path, targets: Targets
) -> None:
    assert LAYERS[layers] <= available()
    with PLACES[place](LAYERS[layers], model, targets) as make:
        assert reached(make, targets) - RESIDUAL[layers] == set()
    assert not Path(targets.outside, "left-by-a-model").exists()
    assert not Path(targets.root, "constitution", "written-by-a-model").exists()


@pytest.mark.parametrize("place", PLACES)
def test_every_attempt_succeeds_with_the_confinement_off(
    place: str, model: Path, targets: Targets
) -> None:
    with PLACES[place](OFF, model, targets) as make:
        assert set(ATTEMPTS) - reached(make, targets) == set()
