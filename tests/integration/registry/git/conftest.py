"""A registry and a repository for each test of the git tags."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.registry.git import kit
from tests.integration.registry.git.kit import Desk


@pytest.fixture(autouse=True)
def _own_git_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's own configuration of git takes part."""
    config = tmp_path / "gitconfig"
    config.write_text("[init]\n\tdefaultBranch = main\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A registry whose tags go to an empty bare repository."""
    opened = Desk(tmp_path / "root", kit.bare(tmp_path / "models.git"))
    yield opened
    opened.engine.dispose()
