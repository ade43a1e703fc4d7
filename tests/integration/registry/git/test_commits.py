"""Whether a commit is real is what the repository says, not what the client claims."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.settings import Settings
from registry.git.commits import is_known
from registry.git.settings import GitSettings
from tests.integration.registry.git import kit

INVENTED = "0" * 40


def settings(root: Path, repository: Path | None) -> Settings:
    return Settings(storage_root=root).having(GitSettings(repository=repository))


def test_a_commit_is_known_where_the_repository_has_it(tmp_path: Path) -> None:
    code = kit.clone_with_code(tmp_path / "code")
    real, tree = kit.git(code, "rev-parse", "HEAD"), kit.git(code, "rev-parse", "HEAD^{tree}")
    known = settings(tmp_path, code)
    assert is_known(known, real) is True
    assert is_known(known, INVENTED) is False
    assert is_known(known, tree) is False, "a tree is no commit"
    assert is_known(known, "HEAD") is False, "a name is not what was trained from"


@pytest.mark.parametrize("commit", [None, ""])
def test_without_a_commit_or_a_repository_nothing_is_known(
    tmp_path: Path, commit: str | None
) -> None:
    assert is_known(settings(tmp_path, None), INVENTED) is None
    assert is_known(settings(tmp_path, kit.bare(tmp_path / "x.git")), commit) is None


def test_a_repository_that_cannot_be_read_knows_no_commit(tmp_path: Path) -> None:
    assert is_known(settings(tmp_path, tmp_path / "gone"), INVENTED) is False
