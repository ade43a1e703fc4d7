"""What is decided about confinement without a process: plans, the minimum, the filter's tables."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.component import Health
from infra.confinement import health, policy, seccomp
from infra.confinement.plan import Demand, Limits, Means, Mount, Plan, python_mounts
from infra.confinement.policy import ConfinementError, agreed
from infra.confinement.probe import missing
from infra.confinement.scratch import scratch_folder
from infra.confinement.system_calls import NEWEST, NUMBERS
from infra.settings import Settings

ALL = frozenset(Means)
HEADERS = {"x86_64": "x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "asm-generic/unistd.h"}


def plan(means: frozenset[Means] = ALL) -> Plan:
    mounts = (Mount(Path("/opt/python"), Path("/opt/python")), Mount(Path("/a/b"), Path("/model")))
    return Plan(means, mounts, Path("/var/scratch"), Limits(1, 2, cpu_seconds=3))


def test_a_plan_survives_being_written_as_text() -> None:
    assert Plan.from_json(plan().to_json()) == plan()


def test_a_path_is_found_inside_only_where_there_is_an_own_file_system() -> None:
    assert plan().inside(Path("/a/b")) == Path("/model")
    without = plan(frozenset({Means.LANDLOCK}))
    assert without.inside(Path("/a/b")) == Path("/a/b")
    assert (plan().scratch_inside, without.scratch_inside) == (Path("/tmp"), Path("/var/scratch"))


@pytest.mark.parametrize(
    ("means", "lacks"),
    [
        (ALL, ()),
        (ALL - {Means.LANDLOCK}, ()),
        (ALL - {Means.FILE_SYSTEM}, ()),
        (frozenset({Means.SECCOMP, Means.LIMITS, Means.LANDLOCK}), ()),
        (ALL - {Means.SECCOMP}, ("seccomp",)),
        (ALL - {Means.LIMITS}, ("resource limits",)),
        (
            ALL - {Means.LANDLOCK, Means.FILE_SYSTEM},
            ("own file system or Landlock (version 3)",),
        ),
        (
            frozenset(),
            ("seccomp", "resource limits", "own file system or Landlock (version 3)"),
        ),
    ],
)
def test_the_minimum_is_seccomp_limits_and_a_closed_file_system(
    means: frozenset[Means], lacks: tuple[str, ...]
) -> None:
    assert missing(means) == lacks


@pytest.mark.parametrize("demand", Demand)
def test_less_than_the_minimum_is_refused_unless_the_setting_allows_it(
    demand: Demand, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = frozenset({Means.LANDLOCK})
    monkeypatch.setattr(policy, "available", lambda: found)
    monkeypatch.setattr(health, "available", lambda: found)
    probe = health.probe(Settings(confinement=demand))
    assert "lacks seccomp, resource limits" in probe.detail
    if demand is Demand.REQUIRED:
        assert probe.health is Health.FAILED
        with pytest.raises(ConfinementError, match="lacks seccomp, resource limits"):
            agreed(demand)
    else:
        assert probe.health is Health.OK
        assert agreed(demand) == found


def test_of_a_python_only_its_programs_and_libraries_are_shown(tmp_path: Path) -> None:
    python = tmp_path / "home" / "bin" / "python"
    for name in ("bin", "lib/package", "private"):
        (tmp_path / "home" / name).mkdir(parents=True)
    python.touch()
    shown = python_mounts(python, [tmp_path / "home" / "lib" / "package", tmp_path / "none"])
    ours = [m.source.relative_to(tmp_path) for m in shown if m.source.is_relative_to(tmp_path)]
    assert ours == [Path("home/bin"), Path("home/lib")]


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
def test_a_filter_is_whole_instructions_and_not_too_long(machine: str) -> None:
    program = seccomp.build(machine, 1, may_run_programs=False, may_change_attributes=False)
    assert len(program) % 8 == 0
    assert len(program) // 8 < 4096


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
def test_system_calls_have_the_numbers_of_the_kernels_headers(machine: str) -> None:
    header = Path("/usr/include") / HEADERS[machine]
    if not header.exists():
        pytest.skip(f"no kernel headers at {header}")
    pattern = r"#define __NR(?:3264)?_(\w+)\s+(\d+)"
    known = {name: int(number) for name, number in re.findall(pattern, header.read_text())}
    place = list(seccomp.ARCHITECTURES).index(machine)
    newest = max(known.values())
    wrong = {
        name: numbers[place]
        for name, numbers in NUMBERS.items()
        if (numbers[place] or 0) <= newest and known.get(name) != numbers[place]
    }
    assert wrong == {}


def test_every_call_of_the_filter_is_below_those_that_it_refuses_as_unknown() -> None:
    assert max(number or 0 for numbers in NUMBERS.values() for number in numbers) <= NEWEST


@contextlib.contextmanager
def ordinary() -> Iterator[None]:
    """Have only an ordinary user's rights to files, since root enters every folder."""
    user = os.geteuid()
    os.seteuid(65534 if user == 0 else user)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_scratch_folder_is_removed_however_deep_wide_and_closed_what_it_holds_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ordinary(), tempfile.TemporaryDirectory() as parent:
        monkeypatch.setattr(tempfile, "tempdir", parent)
        kept = Path(parent, "kept")
        kept.mkdir()
        (kept / "file").touch()
        with scratch_folder(frozenset()) as scratch:
            deep = os.open(scratch, os.O_RDONLY)
            for _ in range(3000):
                os.mkdir("d", dir_fd=deep)
                inner = os.open("d", os.O_RDONLY, dir_fd=deep)
                os.close(deep)
                deep = inner
            os.close(deep)
            for number in range(50):
                (scratch / f"wide-{number}" / "more").mkdir(parents=True)
            (scratch / "link").symlink_to(kept)
            (scratch / "wide-0" / "more" / "link").symlink_to(kept)
            (scratch / "wide-1" / "more").chmod(0)
            (scratch / "wide-2").chmod(0)
        assert [path.name for path in Path(parent).iterdir()] == ["kept"]
        assert (kept / "file").exists()


HOLDS_ONE = """
import time
from infra.confinement.scratch import scratch_folder
with scratch_folder(frozenset()) as folder:
    (folder / "file").touch()
    print(folder, flush=True)
    time.sleep(600)
"""


def test_a_scratch_folder_of_a_killed_launcher_is_removed_by_the_next_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    others = tmp_path / "others"
    others.mkdir()
    (tmp_path / "acgs-scratch-link").symlink_to(others)
    (tmp_path / "acgs-scratch-file").touch()
    kept = {"others", "acgs-scratch-link", "acgs-scratch-file"}
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    launchers = [
        subprocess.Popen(
            [sys.executable, "-c", HOLDS_ONE], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    with launchers[0] as killed, launchers[1] as alive:
        assert killed.stdout is not None
        assert alive.stdout is not None
        left, held = Path(killed.stdout.readline().strip()), Path(alive.stdout.readline().strip())
        killed.kill()
        killed.wait()
        assert (left / "file").exists()
        with scratch_folder(frozenset()) as own, scratch_folder(frozenset()) as second:
            found = {path.name for path in tmp_path.iterdir()}
            assert found == {*kept, held.name, own.name, second.name}
        alive.kill()
    with scratch_folder(frozenset()):
        pass
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_a_scratch_folder_of_another_user_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "acgs-scratch-1").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with scratch_folder(frozenset()):
        assert (tmp_path / "acgs-scratch-1").is_dir()


def test_no_scratch_folder_is_made_where_there_is_an_own_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch_folder(ALL):
        assert list(tmp_path.iterdir()) == []
