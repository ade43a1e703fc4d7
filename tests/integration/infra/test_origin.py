"""Which commit the platform's code is said to be of."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from infra import origin

GIT = ("git", "-c", "user.name=A", "-c", "user.email=a@example.org")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package in the environment of somebody's project, which is under git."""
    folder = tmp_path / ".venv" / "infra"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (tmp_path / "theirs.py").touch()
    _git(tmp_path, "init", "--quiet")
    _git(tmp_path, "add", "theirs.py")
    _git(tmp_path, "commit", "--quiet", "-m", "theirs")
    return folder


def _git(folder: Path, *words: str) -> str:
    return subprocess.check_output([*GIT, *words], cwd=folder, text=True).strip()


def test_another_projects_commit_is_not_that_of_a_package_installed_inside_it(
    package: Path,
) -> None:
    assert origin.commit(package) is None


def test_a_package_that_is_committed_is_of_the_commit_that_is_checked_out(package: Path) -> None:
    _git(package, "add", ".")
    _git(package, "commit", "--quiet", "-m", "with the package")
    assert origin.commit(package) == _git(package, "rev-parse", "HEAD")


@pytest.mark.parametrize(("kept", "found"), [("abc123\n", "abc123"), ("\n", None)])
def test_a_wheel_says_itself_what_it_was_built_from(
    package: Path, kept: str, found: str | None
) -> None:
    _git(package, "add", ".")
    _git(package, "commit", "--quiet", "-m", "with the package")
    (package / "commit.txt").write_text(kept)
    assert origin.commit(package) == found


def test_without_git_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert origin.commit(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert origin.commit(tmp_path) is None
