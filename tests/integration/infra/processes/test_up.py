"""`acgs up`, `down`, `status` as a person runs them, on a platform of toy components."""

from __future__ import annotations

import json
import os
import pty
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.processes.process import record_child
from infra.settings import Settings
from tests.ports import free_port
from tests.support.stores import put_database

CLONE = Path(__file__).parents[4]

# Every interpreter that the test starts, and every one that those start, sees these components
# as the installed ones.
SITE = """
import importlib.metadata as metadata

_installed = metadata.entry_points
_TOYS = {"infra": "infra.platform_component:component", "toy": %r}


def entry_points(**asked):
    if asked.get("group") != "acgs.components":
        return _installed(**asked)
    return [metadata.EntryPoint(n, v, "acgs.components") for n, v in _TOYS.items()]


metadata.entry_points = entry_points
"""


@dataclass(frozen=True)
class Acgs:
    """The command, on a storage root and a port of its own."""

    root: Path
    site: Path
    port: int

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": f"{self.site}:{CLONE}",
            "MLOPS_STORAGE_ROOT": str(self.root),
        }

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "infra", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self("up", "--detach", "--registry-port", str(self.port), *arguments)

    def status(self) -> dict[str, Any]:
        found = json.loads(self("status", "--json").stdout)
        assert isinstance(found, dict)
        return found


def made(tmp_path: Path, component: str) -> Acgs:
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITE % component)
    return Acgs(tmp_path / "root", site, free_port())


@pytest.fixture
def acgs(tmp_path: Path) -> Iterator[Acgs]:
    command = made(tmp_path, "tests.integration.infra.toy_component:component")
    yield command
    command("down")


@pytest.fixture
def _database(tmp_path: Path) -> None:
    put_database(tmp_path / "root", components=False)


prepared = pytest.mark.usefixtures("_database")
"""The root has its database already: what makes it takes seconds, and is not asked about."""


def test_up_detached_runs_until_down_and_says_so_to_every_other_command(acgs: Acgs) -> None:
    up = acgs.up()
    assert up.returncode == 0, up.stderr
    assert "ready: supervisor" in up.stdout
    assert "\ntoys are being made\n" in up.stderr
    assert "nobody is to see this" not in up.stderr
    assert httpx.get(f"http://127.0.0.1:{acgs.port}").text == "hello"

    # Another shell, without the flag, finds the port.
    status = acgs.status()
    assert status["ready"] is True
    assert [(r["name"], r["state"], r["url"]) for r in status["roles"]] == [
        ("web", "ready", f"http://127.0.0.1:{acgs.port}"),
        ("loop", "ready", None),
    ]
    plain = acgs("status")
    assert plain.returncode == 0
    assert f"http://127.0.0.1:{acgs.port}" in plain.stdout
    health = acgs("health")
    assert health.returncode == 0, health.stdout
    found = [line.split() for line in health.stdout.splitlines()]
    assert {word for word, *_ in found} == {"ok"}
    assert {"web", "database", "artifact-store", "schema"} <= {name for _, _, name, *_ in found}

    again = acgs.up()
    assert again.returncode == 3
    assert f"process {status['pid']}" in again.stderr
    assert acgs.status()["ready"] is True

    down = acgs("down")
    assert down.returncode == 0
    assert "stopped the platform" in down.stdout
    after = acgs("status", "--json")
    assert after.returncode == 3
    assert [r["state"] for r in json.loads(after.stdout)["roles"]] == ["stopped", "stopped"]
    nothing = acgs("down")
    assert nothing.returncode == 0
    assert "nothing runs in" in nothing.stdout


@prepared
def test_up_takes_over_the_root_of_a_killed_run_on_the_same_port(acgs: Acgs) -> None:
    assert acgs.up().returncode == 0
    before = acgs.status()
    os.kill(before["pid"], signal.SIGKILL)
    up = acgs.up()
    assert up.returncode == 0, up.stderr
    after = acgs.status()
    assert after["ready"] is True
    assert {r["pid"] for r in before["roles"]} & {r["pid"] for r in after["roles"]} == set()


@prepared
def test_status_says_stopped_after_the_supervisor_was_killed(acgs: Acgs) -> None:
    assert acgs.up().returncode == 0
    before = acgs.status()
    os.kill(before["pid"], signal.SIGKILL)
    states: list[str] = []
    limit = time.monotonic() + 20
    while states != ["stopped", "stopped"]:
        assert time.monotonic() < limit, states
        states = [role["state"] for role in acgs.status()["roles"]]
        assert set(states) <= {"orphaned", "stopped"}


@prepared
def test_a_reader_that_goes_away_does_not_stop_what_is_starting(acgs: Acgs) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    up = subprocess.run(
        [sys.executable, "-m", "infra", "up", "--detach", "--registry-port", str(acgs.port)],
        env=acgs.environment,
        stdout=writing,
        stderr=writing,
        timeout=120,
        check=False,
    )
    os.close(writing)
    assert up.returncode == 0
    assert acgs.status()["ready"] is True


def test_one_port_for_two_roles_is_wrong_usage_also_of_a_detached_start(tmp_path: Path) -> None:
    acgs = made(tmp_path, "tests.integration.infra.toy_component:greedy")
    for flags in (["--detach"], []):
        up = acgs("up", *flags, "--registry-port", str(acgs.port), "--gateway-port", str(acgs.port))
        assert up.returncode == 2, up.stderr
        assert f"error [infra.settings_invalid]: port {acgs.port}" in up.stderr
        assert "what to do: give ACGS_GATEWAY_PORT another port" in up.stderr


@pytest.mark.parametrize("words", [["up", "--detach"], ["up"]])
def test_a_root_that_cannot_be_made_is_told_with_its_path(tmp_path: Path, words: list[str]) -> None:
    acgs = made(tmp_path, "tests.integration.infra.toy_component:component")
    (tmp_path / "file").touch()
    up = acgs("--storage-root", str(tmp_path / "file" / "root"), *words)
    assert up.returncode == 2
    assert "error [infra.settings_invalid]: setting MLOPS_STORAGE_ROOT: expected" in up.stderr
    assert str(tmp_path / "file") in up.stderr


@prepared
def test_up_tells_what_a_killed_run_left_and_that_it_ended_it(acgs: Acgs) -> None:
    helper = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True
    )
    record_child(Settings(storage_root=acgs.root), "model-1", helper.pid)
    up = acgs.up()
    assert up.returncode == 0, up.stderr
    assert "took over from a run that died; ended what it left: model-1" in up.stderr
    assert helper.wait(1) == -signal.SIGTERM


def test_a_port_in_use_is_named_with_its_setting_and_holder_before_anything_starts(
    acgs: Acgs,
) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", acgs.port))
        holder.listen()
        up = acgs.up()
    assert up.returncode == 3
    assert f"error [infra.port_in_use]: port {acgs.port} (ACGS_REGISTRY_PORT)" in up.stderr
    assert f"process {os.getpid()}" in up.stderr
    assert not (acgs.root / "registry.db").exists()
    assert acgs.status()["running"] is False


@prepared
def test_a_role_that_cannot_start_fails_the_run_with_the_end_of_its_log(acgs: Acgs) -> None:
    (acgs.root / "loop.dies").touch()
    up = acgs.up()
    assert up.returncode == 3
    assert "error [infra.role_start_failed]: role 'loop'" in up.stderr
    assert "the disk is made of cheese" in up.stderr
    assert acgs.status()["running"] is False
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{acgs.port}")


@pytest.mark.parametrize(
    "numbers",
    [
        (signal.SIGINT,),
        (signal.SIGTERM,),
        (signal.SIGHUP,),
        (signal.SIGINT, signal.SIGINT, signal.SIGTERM),
    ],
)
def test_interrupting_a_detached_start_leaves_nothing_behind(
    acgs: Acgs, numbers: tuple[signal.Signals, ...]
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "infra", "up", "--detach", "--registry-port", str(acgs.port)],
        env=acgs.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    assert child.stderr.readline() == "preparing the storage root\n"
    for number in numbers:
        child.send_signal(number)
        time.sleep(0.05)
    assert child.wait(30) == 130
    child.stderr.close()
    assert acgs.status()["running"] is False
    assert not (acgs.root / "run" / "supervisor.json").exists()


def test_a_role_that_raises_keeps_its_traceback_in_its_own_log(acgs: Acgs) -> None:
    acgs.root.mkdir()
    (acgs.root / "loop.raises").touch()
    done = acgs("run", "loop")
    assert done.returncode == 3
    assert (
        'level=error role=loop logger=infra.processes.role msg="failed" trace="Traceback'
        in done.stderr
    )
    assert done.stderr.splitlines()[-1].startswith("error [infra.unexpected]: ValueError: cheese")


def test_a_damaged_database_fails_the_run_with_one_clear_error(acgs: Acgs) -> None:
    acgs.root.mkdir()
    (acgs.root / "registry.db").write_bytes(b"this is no database, and never was" * 100)
    up = acgs.up()
    assert up.returncode == 3
    assert "error [" in up.stderr
    assert "not a database" in up.stderr
    assert "Traceback" not in up.stderr


@prepared
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_up_in_the_foreground_writes_plain_lines_and_a_signal_stops_all(
    acgs: Acgs, number: signal.Signals
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "infra", "up", "--registry-port", str(acgs.port)],
        env=acgs.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    lines = []
    for line in child.stderr:
        lines.append(line)
        if line.startswith("ready;"):
            child.send_signal(number)
    assert child.wait(30) == 0, lines
    child.stderr.close()
    assert lines[-1] == "stopped\n"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{acgs.port}")


@prepared
def test_up_in_a_terminal_shows_a_table_that_follows_the_roles(acgs: Acgs) -> None:
    controller, terminal = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "infra", "up", "--registry-port", str(acgs.port)],
        env={**acgs.environment, "TERM": "xterm-256color", "COLUMNS": "120"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    seen = ""
    limit = time.monotonic() + 60
    while "ready; logs in" not in seen:
        assert time.monotonic() < limit, seen
        seen += os.read(controller, 65536).decode(errors="replace")
    child.send_signal(signal.SIGINT)
    while True:
        try:
            data = os.read(controller, 65536)
        except OSError:  # how a terminal on Linux says that nobody writes to it any more
            break
        seen += data.decode(errors="replace")
    os.close(controller)
    assert child.wait(30) == 0
    for text in ("role", "state", "web", "loop", f"http://127.0.0.1:{acgs.port}", "stopped"):
        assert text in seen


def test_a_broken_component_names_itself_and_nothing_starts(tmp_path: Path) -> None:
    acgs = made(tmp_path, "tests.integration.infra.no_such_module:component")
    for arguments in (["--help"], ["up", "--detach"], ["run", "registry"]):
        done = acgs(*arguments)
        assert done.returncode == 3
        assert "error [infra.component_broken]: component 'toy'" in done.stderr


def test_run_names_the_roles_there_are(acgs: Acgs) -> None:
    done = acgs("run", "nobody")
    assert done.returncode == 2
    assert "expected one of web, loop" in done.stderr


def test_an_unknown_setting_is_wrong_usage(acgs: Acgs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACGS_REGISTRY_PROT", "1")
    done = acgs("up", "--detach")
    assert done.returncode == 2
    assert "ACGS_REGISTRY_PROT" in done.stderr


def test_help_costs_little(acgs: Acgs) -> None:
    """Measured in CPU time, which other work on the machine does not stretch as much."""

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    seconds = []
    for _ in range(3):
        before = spent()
        assert "hello" in acgs("--help").stdout
        seconds.append(spent() - before)
    assert min(seconds) < 0.5, seconds
