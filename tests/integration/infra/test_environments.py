"""Environments made from locks, by the real installer, out of a folder of wheels: no network."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from infra.environments import NOTICE, Environment, EnvironmentNotMadeError
from infra.settings import Settings
from serving.engines.local import environment as serving
from serving.engines.local.environment import ServingEnvironmentError
from serving.settings import ServingSettings

WHEEL = "toy-1.0-py3-none-any.whl"


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lock of one package, which lies beside it, and a cache that is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("UV_OFFLINE", "1")
    with zipfile.ZipFile(tmp_path / WHEEL, "w") as wheel:
        info = "toy-1.0.dist-info"
        wheel.writestr("toy.py", "WORD = 'here'\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(
            f"{info}/RECORD", f"toy.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
        )
    return _lock(tmp_path, hashlib.sha256((tmp_path / WHEEL).read_bytes()).hexdigest())


def _lock(folder: Path, digest: str) -> Path:
    lock = folder / "toy.txt"
    lock.write_text(f"toy==1.0 --hash=sha256:{digest}\n")
    return lock


def test_an_environment_is_made_once_and_says_where(
    lock: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    toys = Environment("toys", lock)
    assert not toys.folder.exists()

    python = toys.make()

    told = capfd.readouterr().err
    assert told.startswith(f"{NOTICE}making the environment of toys in {tmp_path / 'cache'}")
    words = [str(python), "-I", "-c", "import toy; print(toy.WORD, toy.__cached__)"]
    said, compiled = subprocess.check_output(words, text=True).split()
    assert said == "here"
    assert Path(compiled).is_file()
    assert toys.python == python
    assert toys.make() == python
    assert capfd.readouterr().err == ""


def test_another_lock_is_another_environment(lock: Path) -> None:
    first = Environment("toys", lock).folder
    lock.write_text("# nothing\n")
    assert Environment("toys", lock).folder != first


def test_one_that_was_interrupted_is_made_again(lock: Path) -> None:
    toys = Environment("toys", lock)
    python = toys.make()
    (toys.folder / "made").unlink()
    (toys.folder / "half").touch()

    assert toys.python is None
    assert toys.make() == python
    assert not (toys.folder / "half").exists()


@pytest.mark.parametrize("wrong", ["no network", "another file"])
def test_what_cannot_be_had_is_said_with_a_way_out_and_leaves_nothing(
    lock: Path, tmp_path: Path, wrong: str
) -> None:
    if wrong == "no network":
        (tmp_path / WHEEL).unlink()
    else:
        _lock(tmp_path, "0" * 64)
    toys = Environment("toys", lock)

    with pytest.raises(EnvironmentNotMadeError, match="expected to install toy") as caught:
        toys.make()

    assert "toy" in caught.value.message.partition("found:")[2]
    assert "\n" not in caught.value.message  # `acgs up` reads errors back by the line
    assert "UV_DEFAULT_INDEX" in (caught.value.hint or "")
    assert not toys.folder.exists()


def test_model_servers_get_an_environment_of_the_lock_where_none_is_beside_the_platforms(
    lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "ENVIRONMENT", "no-such-folder")
    monkeypatch.setattr("infra.origin.lock", lambda _name: lock)
    with pytest.raises(ServingEnvironmentError, match="acgs setup"):
        serving.serving_python(Settings())

    said: list[str] = []
    python = serving.provide(Settings(), said.append)

    assert python.is_relative_to(tmp_path / "cache")
    assert len(said) == 2
    assert serving.serving_python(Settings()) == python


def test_an_interpreter_that_the_settings_name_is_never_made(lock: Path, tmp_path: Path) -> None:
    with pytest.raises(ServingEnvironmentError, match="ACGS_SERVING_PYTHON"):
        serving.provide(Settings().having(ServingSettings(python=tmp_path / "python")))
    assert not (tmp_path / "cache").exists()
