"""Repositories as they are found: odd ones work, broken ones are told, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.domain.values import Stage
from registry.git import errors
from registry.git.errors import GitError
from tests.integration.registry.git import kit
from tests.integration.registry.git.kit import Desk

TAGS = ["credit#staging#1", "credit@v1.0.0"]


def one_version(root: Path, repository: Path, **more: str) -> Desk:
    desk = Desk(root, repository, more)
    desk.move(desk.register(), Stage.STAGING)
    return desk


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def code(tmp_path: Path) -> Path:
    return kit.clone_with_code(tmp_path / "code", commits=2)


class TestOddOnesWork:
    def test_a_dirty_work_tree_and_index_stay_as_they_are(self, code: Path, tmp_path: Path) -> None:
        (code / "train.py").write_text("# not committed\n")
        (code / "new.py").write_text("# staged\n")
        kit.git(code, "add", "new.py")
        before = kit.git(code, "status", "--porcelain"), kit.git(code, "rev-parse", "HEAD")
        one_version(tmp_path / "root", code).sync()
        assert (
            kit.git(code, "status", "--porcelain"),
            kit.git(code, "rev-parse", "HEAD"),
        ) == before
        assert kit.tags(code) == TAGS

    def test_a_detached_head(self, code: Path, tmp_path: Path) -> None:
        kit.git(code, "checkout", "--quiet", "--detach", "HEAD^")
        one_version(tmp_path / "root", code).sync()
        assert kit.tags(code) == TAGS

    def test_a_shallow_clone_whose_remote_has_the_history(self, code: Path, tmp_path: Path) -> None:
        remote = tmp_path / "remote.git"
        kit.git(tmp_path, "clone", "--quiet", "--bare", str(code), str(remote))
        shallow = tmp_path / "shallow"
        kit.git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{remote}", str(shallow))
        desk = Desk(tmp_path / "root", shallow, {"remote": "origin"})
        desk.register(code=kit.git(shallow, "rev-parse", "HEAD"))
        assert desk.sync().error is None
        assert kit.tags(remote) == ["credit@v1.0.0"]
        assert kit.git(remote, "rev-list", "--count", "credit@v1.0.0") == "3"

    def test_a_worktree_of_another_clone(self, code: Path, tmp_path: Path) -> None:
        kit.git(code, "worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"))
        one_version(tmp_path / "root", tmp_path / "tree").sync()
        assert kit.tags(code) == TAGS

    def test_a_repository_that_hashes_with_sha256(self, tmp_path: Path) -> None:
        repository = tmp_path / "sha256.git"
        repository.mkdir()
        kit.git(repository, "init", "--quiet", "--bare", "--object-format=sha256", ".")
        assert one_version(tmp_path / "root", repository).sync().error is None
        assert len(kit.git(repository, "rev-parse", "credit@v1.0.0")) == 64

    def test_an_unexpected_configuration(self, code: Path, tmp_path: Path) -> None:
        for key, value in {
            "core.logAllRefUpdates": "always",
            "color.ui": "always",
            "i18n.commitEncoding": "latin1",
            "transfer.fsckObjects": "true",
            "core.autocrlf": "true",
            "log.showSignature": "true",
            "alias.push": "!false",
            "push.default": "nothing",
            "push.followTags": "true",
            "tag.sort": "-refname",
            "core.quotePath": "false",
        }.items():
            kit.git(code, "config", key, value)
        desk = Desk(tmp_path / "root", code, {"remote": str(kit.bare(tmp_path / "remote.git"))})
        kit.git(code, "tag", "-a", "nightly", "-m", "mine")
        desk.register("credit-ünï", actor="Zoë\n<zoe>")
        assert desk.sync().error is None
        assert kit.tags(tmp_path / "remote.git") == ["credit-_xC3_xBCn_xC3_xAF@v1.0.0"]

    def test_nobodys_hooks_run(self, code: Path, tmp_path: Path) -> None:
        hooks = tmp_path / "hooks"
        for name in ("reference-transaction", "pre-push", "post-commit", "pre-auto-gc"):
            script(hooks / name, f"touch {tmp_path}/ran-{name}\nexit 1")
        kit.git(code, "config", "core.hooksPath", str(hooks))
        remote = kit.bare(tmp_path / "remote.git")
        assert one_version(tmp_path / "root", code, remote=str(remote)).sync().error is None
        assert kit.tags(remote) == TAGS
        assert not list(tmp_path.glob("ran-*"))

    def test_the_environment_of_a_surrounding_git_is_not_inherited(
        self, code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = kit.bare(tmp_path / "other.git")
        monkeypatch.setenv("GIT_DIR", str(other))
        monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
        one_version(tmp_path / "root", code).sync()
        monkeypatch.undo()
        assert kit.tags(code) == TAGS
        assert kit.tags(other) == []


Break = Callable[[Path], Callable[[], object]]
"""Breaks a repository and returns what mends it."""


def gone(repository: Path) -> Callable[[], object]:
    away = repository.rename(repository.with_name("away"))
    return lambda: away.rename(repository)


def no_repository(repository: Path) -> Callable[[], object]:
    """Only a folder, inside another repository, which must not stand for it."""
    mend = gone(repository)
    repository.mkdir()
    kit.git(repository.parent, "init", "--quiet", ".")

    def mended() -> None:
        shutil.rmtree(repository)
        mend()

    return mended


def broken_config(repository: Path) -> Callable[[], object]:
    config = repository / "config"
    before = config.read_text()
    config.write_text(before + "[core\n")
    return lambda: config.write_text(before)


def locked(repository: Path) -> Callable[[], object]:
    lock = repository / "refs" / "tags" / "credit@v1.0.0.lock"
    lock.touch()
    return lock.unlink


def corrupt(repository: Path) -> Callable[[], object]:
    head = repository / "HEAD"
    before = head.read_text()
    head.write_text("nonsense\n")
    return lambda: head.write_text(before)


@pytest.mark.parametrize(
    ("break_it", "kind", "words"),
    [
        (gone, errors.RepositoryGoneError, "found nothing"),
        (no_repository, errors.NotARepositoryError, "found none"),
        (broken_config, errors.BrokenConfigError, "bad config line"),
        (locked, errors.LockedError, "credit@v1.0.0.lock"),
        (corrupt, errors.NotARepositoryError, "found none"),
    ],
)
def test_a_broken_repository_is_told_and_the_tags_come_when_it_is_mended(
    tmp_path: Path, break_it: Break, kind: type[GitError], words: str
) -> None:
    repository = kit.bare(tmp_path / "place" / "models.git")
    desk = one_version(tmp_path / "root", repository)
    mend = break_it(repository)
    error = desk.sync().error
    assert type(error) is kind
    assert words in error.message
    assert error.hint
    assert (desk.status.waiting_local or 0) >= 1
    assert desk.status.local_error == str(error)
    write, _ = desk.tags.due(desk.now)
    assert not write, "the next attempt comes later"
    mend()
    write, _ = desk.tags.due(desk.later(5))
    assert write
    assert desk.sync().error is None
    assert kit.tags(repository) == TAGS
    assert desk.status.local_error is None


def test_one_locked_ref_holds_up_no_other(desk: Desk) -> None:
    desk.move(desk.register(), Stage.STAGING)
    mend = locked(desk.repository)
    desk.register("credit-other")
    desk.sync()
    assert kit.tags(desk.repository) == ["credit#staging#1", "credit-other@v1.0.0"]
    mend()
    assert desk.sync().error is None
    assert len(kit.tags(desk.repository)) == 3


def test_a_repository_of_somebody_else_is_refused_until_it_is_declared_safe(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.register()
    # Git's own switch for its tests: it takes the repository to be another user's.
    monkeypatch.setattr(
        "registry.git.adapters.repository._KEPT",
        frozenset({"GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_TEST_ASSUME_DIFFERENT_OWNER"}),
    )
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    error = desk.sync().error
    assert type(error) is errors.UnsafeOwnerError
    assert "safe.directory" in str(error.hint)
    kit.git(desk.root, "config", "--global", "--add", "safe.directory", str(desk.repository))
    assert desk.sync().error is None


@pytest.fixture
def wrapped_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `git` on the PATH that the test writes; `$REAL` is the real one."""
    real = shutil.which("git")
    monkeypatch.setenv("REAL", str(real))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return tmp_path / "bin" / "git"


def _can_mount() -> bool:
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return shutil.which("unshare") is not None and (
        subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.parametrize(
    ("mount", "kind"),
    [
        ("mount --bind $AT $AT && mount -o remount,bind,ro $AT", errors.ReadOnlyError),
        (
            "mount -t tmpfs -o size=4k none $AT/objects && head -c 4096 /dev/zero >$AT/objects/x",
            errors.NoSpaceError,
        ),
    ],
    ids=["read-only", "full"],
)
@pytest.mark.skipif(not _can_mount(), reason="no right to mount in a namespace of its own")
def test_a_disk_that_cannot_be_written_is_told(
    desk: Desk, wrapped_git: Path, monkeypatch: pytest.MonkeyPatch, mount: str, kind: type[GitError]
) -> None:
    desk.move(desk.register(), Stage.STAGING)
    monkeypatch.setenv("AT", str(desk.repository))
    script(wrapped_git, f'exec unshare -rm sh -c \'{mount} && exec $REAL "$@"\' git "$@"')
    error = desk.sync().error
    assert type(error) is kind, error
    wrapped_git.unlink()
    assert desk.sync().error is None
    assert kit.tags(desk.repository) == TAGS


def test_git_that_hangs_is_ended(
    desk: Desk, wrapped_git: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.register()
    monkeypatch.setattr("registry.git.adapters.repository.LOCAL_SECONDS", 0.5)
    script(wrapped_git, "sleep 60")
    error = desk.sync().error
    assert type(error) is errors.GitTimeoutError


def test_without_git_everything_waits(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.register()
    monkeypatch.setenv("PATH", "/nowhere")
    error = desk.sync().error
    assert type(error) is errors.GitMissingError
    monkeypatch.undo()
    assert desk.sync().made == 1
