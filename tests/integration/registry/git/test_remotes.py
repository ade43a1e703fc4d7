"""Pushing: in order, whole or not at all, and patient with a remote that fails."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from registry.domain.values import Stage
from registry.git import errors
from registry.git.errors import GitError
from tests.integration.registry.git import kit
from tests.integration.registry.git.kit import Desk
from tests.integration.registry.git.test_bad_repositories import script


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return kit.bare(tmp_path / "remote.git")


@pytest.fixture
def pushing(tmp_path: Path, remote: Path) -> Desk:
    repository = kit.bare(tmp_path / "models.git")
    kit.git(repository, "remote", "add", "origin", str(remote))
    return Desk(tmp_path / "root", repository, {"remote": "origin"})


def test_tags_are_pushed_after_they_are_made(pushing: Desk, remote: Path) -> None:
    pushing.move(pushing.register(), Stage.STAGING)
    done = pushing.sync()
    assert (done.made, done.pushed) == (2, 2)
    assert kit.tags(remote) == kit.tags(pushing.repository) == ["credit#staging#1", "credit@v1.0.0"]
    assert pushing.sync().pushed == 0


def test_what_a_remote_missed_while_it_was_gone_comes_by_itself(
    pushing: Desk, remote: Path
) -> None:
    away = remote.rename(remote.with_name("away"))
    for _ in range(3):
        pushing.register()
    error = pushing.sync().error
    assert type(error) is errors.RemoteGoneError
    assert len(kit.tags(pushing.repository)) == 3
    assert (pushing.status.waiting_push, pushing.status.push_error) == (3, str(error))
    assert pushing.tags.due(pushing.now) == (False, False)
    away.rename(remote)
    assert pushing.tags.due(pushing.later(5)) == (False, True)
    pushing.sync()
    assert len(kit.tags(remote)) == 3
    assert (pushing.status.waiting_push, pushing.status.push_error) == (0, None)


def test_the_wait_grows_and_never_exceeds_a_minute(pushing: Desk, remote: Path) -> None:
    remote.rename(remote.with_name("away"))
    pushing.register()
    waits = []
    for _ in range(9):
        pushing.sync()
        seconds = 0.0
        while not pushing.tags.due(pushing.later(0.5))[1]:
            seconds += 0.5
        waits.append(seconds)
    assert waits == sorted(waits)
    assert waits[0] < 1.5
    assert waits[-1] == pytest.approx(60, abs=1)


def test_a_hook_that_refuses_is_told_and_nothing_is_lost(pushing: Desk, remote: Path) -> None:
    hook = script(remote / "hooks" / "pre-receive", "echo 'no tags on fridays' >&2; exit 1")
    pushing.register()
    error = pushing.sync().error
    assert type(error) is errors.RemoteRefusedError
    assert "pre-receive hook declined" in error.message
    hook.unlink()
    assert pushing.sync().pushed == 1


def test_a_tag_that_the_remote_refuses_holds_up_no_other(pushing: Desk, remote: Path) -> None:
    script(remote / "hooks" / "update", 'case "$1" in *prod*) exit 1;; esac')
    record = pushing.register()
    pushing.move(record, Stage.PRODUCTION)
    pushing.move(record, Stage.ARCHIVED)
    error = pushing.sync().error
    assert type(error) is errors.RemoteRefusedError
    assert "prod" in error.message
    assert kit.tags(remote) == ["credit#archived#3", "credit@v1.0.0"]
    (remote / "hooks" / "update").unlink()
    pushing.sync()
    assert len(kit.tags(remote)) == 4


def test_a_batch_is_taken_whole_or_not_at_all(pushing: Desk, remote: Path) -> None:
    script(remote / "hooks" / "update", 'case "$1" in *prod*) exit 1;; esac')
    pushing.move(pushing.register(), Stage.PRODUCTION)
    pushing.follow_and_write()
    assert pushing.tags.remote is not None
    refused = pushing.tags.remote.push(kit.tags(pushing.repository))
    assert [one.name for one in refused] == ["credit#prod#1"]
    assert kit.tags(remote) == []


def test_another_tag_of_our_name_on_the_remote_is_told_and_written_over_only_on_demand(
    pushing: Desk, remote: Path, tmp_path: Path
) -> None:
    clone = kit.clone_with_code(tmp_path / "person")
    kit.git(clone, "tag", "-a", "credit@v1.0.0", "-m", "mine")
    kit.git(clone, "push", "--quiet", str(remote), "credit@v1.0.0")
    theirs = kit.git(remote, "rev-parse", "credit@v1.0.0")
    pushing.move(pushing.register(), Stage.STAGING)
    done = pushing.sync()
    assert kit.tags(remote) == ["credit#staging#1", "credit@v1.0.0"]
    assert kit.git(remote, "rev-parse", "credit@v1.0.0") == theirs
    assert [one.subject for one in done.tampered] == ["credit@v1.0.0"]
    done = pushing.sync(repair=True)
    assert done.error is None
    ours = kit.git(pushing.repository, "rev-parse", "credit@v1.0.0")
    assert kit.git(remote, "rev-parse", "credit@v1.0.0") == ours != theirs
    assert (pushing.status.waiting_push, pushing.status.findings) == (0, ())


def test_a_remote_of_another_address_gets_everything(pushing: Desk, tmp_path: Path) -> None:
    pushing.register()
    pushing.sync()
    other = kit.bare(tmp_path / "other.git")
    kit.git(pushing.repository, "remote", "set-url", "origin", str(other))
    assert pushing.sync().pushed == 1
    assert kit.tags(other) == ["credit@v1.0.0"]


def test_a_shallow_clone_that_the_remote_cannot_take_is_told(tmp_path: Path, remote: Path) -> None:
    code = kit.clone_with_code(tmp_path / "code", commits=3)
    kit.git(
        tmp_path, "clone", "--quiet", "--depth", "1", f"file://{code}", str(tmp_path / "shallow")
    )
    desk = Desk(tmp_path / "root", tmp_path / "shallow", {"remote": str(remote)})
    desk.register(code=kit.git(code, "rev-parse", "HEAD"))
    error = desk.sync().error
    assert type(error) is errors.ShallowError
    assert "unshallow" in str(error.hint)
    kit.git(tmp_path / "shallow", "fetch", "--quiet", "--unshallow")
    assert desk.sync().pushed == 1


@pytest.mark.parametrize("name", ["upstream", "--upload-pack=touch x"])
def test_a_remote_that_is_not_there_is_told(pushing: Desk, name: str) -> None:
    pushing.register()
    desk = Desk.__new__(Desk)
    desk.__dict__.update({**pushing.__dict__, "more": {"remote": name}})
    error = desk.sync().error
    assert type(error) is errors.RemoteUnknownError


class _Denies(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", "Basic realm=git")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def denying() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Denies)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://robot:s3cret@127.0.0.1:{server.server_port}/models.git"
    server.shutdown()
    server.server_close()


def test_a_remote_that_denies_us_is_told_without_asking_and_without_the_password(
    tmp_path: Path, denying: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "asked"
    monkeypatch.setenv("GIT_ASKPASS", str(script(tmp_path / "ask", f"touch {asked}")))
    desk = Desk(tmp_path / "root", kit.bare(tmp_path / "models.git"), {"remote": denying})
    desk.register()
    error: GitError | None = desk.sync().error
    assert type(error) is errors.RemoteDeniedError, error
    assert not asked.exists()
    told = f"{error} {desk.status.push_error}"
    assert "s3cret" not in told
    assert "deploy key" in told
    assert os.environ["GIT_ASKPASS"], "only our own git is kept from asking"


def test_a_remote_that_does_not_answer_is_given_up_in_time(
    tmp_path: Path, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del monkeypatch
    script(remote / "hooks" / "pre-receive", "sleep 30")
    more = {"remote": str(remote), "timeout_seconds": 1.0}
    desk = Desk(tmp_path / "root", kit.bare(tmp_path / "models.git"), more)
    desk.register()
    error = desk.sync().error
    assert type(error) is errors.GitTimeoutError
    assert "ACGS_GIT_TIMEOUT_SECONDS" in str(error.hint)
