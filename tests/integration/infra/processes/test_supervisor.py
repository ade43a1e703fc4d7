from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.errors import AlreadyRunningError
from infra.processes import launch, pauses, process, running, supervisor
from infra.processes.process import Identity
from infra.processes.running import RoleRecord
from infra.settings import Settings
from tests.integration.infra import toy


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(storage_root=tmp_path / "root")


@pytest.fixture(autouse=True)
def _nothing_stays(settings: Settings) -> Iterator[None]:
    yield
    launch.stop_all(settings, print)


def until(condition: Callable[[], object], *, seconds: float = 20) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "did not happen in time"
        time.sleep(0.05)


def role(settings: Settings, name: str) -> RoleRecord:
    for record in running.read_roles(settings.storage_root):
        if record.name == name:
            return record
    return RoleRecord(name, "unknown", None, 0, 0)


def all_ready(settings: Settings) -> bool:
    records = running.read_roles(settings.storage_root)
    return len(records) > 1 and all(record.state == "ready" for record in records)


def owned_by(settings: Settings, pid: int) -> bool:
    owner = running.live_supervisor(settings.storage_root)
    return owner is not None and owner.identity.pid == pid


def alive(record: RoleRecord) -> bool:
    return record.identity is not None and record.identity.alive()


@contextmanager
def supervised(settings: Settings, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.integration.infra.toy",
            "supervise",
            str(settings.storage_root),
            *more,
        ],
        start_new_session=True,
    )
    try:
        until(lambda: owned_by(settings, child.pid) and all_ready(settings))
        yield child
    finally:
        child.terminate()
        child.wait(30)


def test_roles_start_in_order_and_all_end_with_the_supervisor(settings: Settings) -> None:
    with supervised(settings) as child:
        first, second = role(settings, "first"), role(settings, "second")
        assert first.since < second.since
        assert supervisor.locked(settings.storage_root)
        owner = running.live_supervisor(settings.storage_root)
        assert owner is not None
        assert owner.identity.pid == child.pid
    assert child.returncode == 0
    assert not alive(first)
    assert not alive(second)
    assert running.read_roles(settings.storage_root) == []
    assert not supervisor.locked(settings.storage_root)


def test_a_killed_role_is_started_again_and_nothing_else_is_touched(settings: Settings) -> None:
    with supervised(settings):
        before = role(settings, "first")
        second = role(settings, "second")
        assert before.identity is not None
        before.identity.send(signal.SIGKILL)
        until(lambda: role(settings, "first").restarts == 1 and all_ready(settings))
        assert role(settings, "first").identity != before.identity
        assert role(settings, "second").identity == second.identity


def test_a_role_whose_loop_stands_still_shows_as_failed(settings: Settings) -> None:
    with supervised(settings):
        (settings.storage_root / "second.mood").write_text("mute")
        until(lambda: role(settings, "second").state == "failed")
        assert "last heartbeat" in role(settings, "second").detail


@pytest.mark.parametrize("name", ["second", "server"])
def test_a_role_that_is_alive_but_silent_is_started_again(settings: Settings, name: str) -> None:
    with supervised(settings, "server"):
        before, other = role(settings, name), role(settings, "first")
        assert before.identity is not None
        os.kill(before.identity.pid, signal.SIGSTOP)
        until(lambda: role(settings, name).restarts == 1)
        until(lambda: all_ready(settings))
        assert not alive(before)
        assert role(settings, "first").identity == other.identity


LIGHT = ("light-1", "light-2")


def test_light_roles_share_a_process_and_the_others_have_one_each(settings: Settings) -> None:
    with supervised(settings, *LIGHT):
        pids = [record.identity for record in running.read_roles(settings.storage_root)]
        assert len(pids) == 4
        assert len(set(pids)) == 3
        assert role(settings, "light-1").identity == role(settings, "light-2").identity


def test_a_light_role_that_fails_is_started_again_alone(settings: Settings) -> None:
    with supervised(settings, *LIGHT):
        before = role(settings, "light-2")
        (settings.storage_root / "light-1.mood").write_text("fail once")
        until(lambda: role(settings, "light-1").state == "restarting")
        assert "ValueError: cheese, starting again in 0.5 s" in role(settings, "light-1").detail
        until(lambda: role(settings, "light-1").restarts == 1 and all_ready(settings))
        assert role(settings, "light-2") == before
        assert role(settings, "light-1").identity == before.identity
    assert "ValueError: cheese" in (settings.storage_root / "logs" / "light.log").read_text()


def test_the_process_of_light_roles_that_was_killed_is_started_again_with_all_of_them(
    settings: Settings,
) -> None:
    with supervised(settings, *LIGHT):
        before, other = role(settings, "light-1").identity, role(settings, "first")
        assert before is not None
        before.send(signal.SIGKILL)
        until(lambda: all(role(settings, name).restarts == 1 for name in LIGHT))
        until(lambda: all_ready(settings))
        assert role(settings, "light-1").identity == role(settings, "light-2").identity != before
        assert role(settings, "first").identity == other.identity


@pytest.mark.parametrize("stop", ["one loop", "the process"])
def test_light_roles_that_stand_still_are_started_again_with_their_process(
    settings: Settings, stop: str
) -> None:
    with supervised(settings, *LIGHT):
        before = role(settings, "light-1").identity
        assert before is not None
        if stop == "the process":
            os.kill(before.pid, signal.SIGSTOP)
        else:
            (settings.storage_root / "light-1.mood").write_text("mute")
        until(lambda: role(settings, "light-1").state == "failed")
        until(lambda: role(settings, "light-2").restarts == 1)
        (settings.storage_root / "light-1.mood").unlink(missing_ok=True)
        until(lambda: all_ready(settings))
        assert not before.alive()


def test_light_roles_have_a_process_each_where_the_settings_say_so(tmp_path: Path) -> None:
    settings = Settings(storage_root=tmp_path / "root", share_process=False)
    made = supervisor.Supervisor(
        settings,
        toy.toy_roles(*LIGHT),
        command=lambda given, told: toy.command(settings, given, told),
    )
    pids: list[set[Identity | None]] = []
    stop = threading.Event()

    def watch(records: Sequence[RoleRecord]) -> None:
        if all(record.state == "ready" for record in records):
            pids.append({record.identity for record in records})
            stop.set()

    made.run(stop, watch)
    assert len(pids[0]) == 4


def test_a_second_supervisor_is_refused_and_told_who_owns_the_root(settings: Settings) -> None:
    with supervised(settings) as child:
        with pytest.raises(AlreadyRunningError) as caught, supervisor.owning(settings, {}):
            pass
        assert f"process {child.pid}" in caught.value.message
        assert "acgs down" in str(caught.value.hint)
        assert all_ready(settings)


def test_roles_end_by_themselves_when_their_supervisor_is_killed(settings: Settings) -> None:
    with supervised(settings) as child:
        left = [role(settings, name) for name in ("first", "second")]
        child.kill()
        child.wait()
        until(lambda: not any(alive(record) for record in left), seconds=10)
    assert not supervisor.locked(settings.storage_root)


def test_the_next_run_takes_over_a_dead_runs_root_and_ends_what_it_left(
    settings: Settings,
) -> None:
    # "stubborn" roles outlive their supervisor's death; a helper does so on purpose.
    settings.folder(".")
    for name in ("first", "second"):
        (settings.storage_root / f"{name}.mood").write_text("stubborn")
    helper = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True
    )
    with supervised(settings) as child:
        left = [role(settings, name) for name in ("first", "second")]
        process.record_child(settings, "model-1", helper.pid)
        child.kill()
        child.wait()
    for name in ("first", "second"):
        (settings.storage_root / f"{name}.mood").unlink()
    assert all(alive(record) for record in left)
    with supervised(settings):
        assert not any(alive(record) for record in left)
        assert helper.wait(1) == -signal.SIGTERM
        assert all_ready(settings)
        now = [role(settings, name).identity for name in ("first", "second")]
    assert now != [record.identity for record in left]


def test_down_ends_the_run_and_its_helpers_and_says_when_nothing_ran(settings: Settings) -> None:
    helper = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True
    )
    with supervised(settings) as child:
        process.record_child(settings, "model-1", helper.pid)
        first = role(settings, "first")
        assert launch.stop_all(settings, print)
        assert child.wait(5) == 0
    assert helper.wait(1) == -signal.SIGTERM
    assert not alive(first)
    assert not launch.stop_all(settings, print)


def test_a_run_whose_role_cannot_start_ends_with_the_roles_own_words(settings: Settings) -> None:
    settings.folder(".")
    (settings.storage_root / "second.mood").write_text("die")
    made = supervisor.Supervisor(
        settings, toy.toy_roles(), command=lambda given, told: toy.command(settings, given, told)
    )
    seen: list[Identity] = []

    def watch(records: object) -> None:
        first = role(settings, "first").identity
        if first is not None:
            seen.append(first)

    with pytest.raises(supervisor.RoleStartError, match="second: cannot go on") as caught:
        made.run(threading.Event(), watch)
    assert "'second'" in caught.value.message
    assert not any(identity.alive() for identity in seen)


def test_a_role_that_never_becomes_ready_is_given_up_after_the_limit(settings: Settings) -> None:
    settings.folder(".")
    (settings.storage_root / "first.mood").write_text("mute")
    made = supervisor.Supervisor(
        settings,
        toy.toy_roles(),
        command=lambda given, told: toy.command(settings, given, told),
        start_limit_seconds=2.5,
    )
    with pytest.raises(supervisor.RoleStartError, match=r"'first'.*no heartbeat yet"):
        made.run(threading.Event())


def test_logs_are_for_their_owner_alone(settings: Settings) -> None:
    with supervised(settings):
        mode = os.stat(settings.storage_root / "logs" / "first.log").st_mode
    assert mode & 0o077 == 0


@pytest.mark.parametrize(("deaths", "seconds"), [(1, 0.5), (2, 1), (3, 2), (7, 30), (5000, 30)])
def test_the_pause_before_a_restart_doubles_up_to_a_cap(deaths: int, seconds: float) -> None:
    assert pauses.backoff_seconds(deaths) == seconds
