"""Tags follow the registry: each event once in effect, in order, with what it was about."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import text

from infra.stores.db import transaction
from registry.domain.values import Stage
from registry.git.domain import objects
from registry.git.role import GitLoop, GitPace
from registry.git.service import open_tags
from tests.integration.registry.git import kit
from tests.integration.registry.git.kit import Desk

KILLS = 24


def test_a_version_is_tagged_when_registered_and_each_time_it_moves(desk: Desk) -> None:
    record = desk.register()
    desk.move(record, Stage.STAGING)
    desk.move(record, Stage.PRODUCTION)
    desk.sync()
    assert kit.tags(desk.repository) == [
        "credit#prod#3",
        "credit#staging!#2",
        "credit#staging#1",
        "credit@v1.0.0",
    ]
    done = desk.sync()
    assert (done.events, done.settled, done.made) == (0, 0, 0)


def test_a_tag_tells_who_did_what_when_and_why(desk: Desk) -> None:
    record = desk.register(code="2" * 40)
    desk.move(record, Stage.PRODUCTION, actor="grace@10.0.0.7")
    desk.sync()
    content = kit.git(desk.repository, "cat-file", "tag", "credit#prod#1")
    moved_at = int(kit.START.timestamp()) + 2
    assert f"tagger grace@10.0.0.7 <acgs@localhost> {moved_at} +0000" in content
    told = objects.trailers(content)
    assert told["Acgs-Model"] == "credit"
    assert told["Acgs-Version"] == "1.0.0"
    assert told["Mlflow-Version"] == "1"
    assert told["Code-Commit"] == "2" * 40
    assert told["Acgs-Event"].endswith("model_version.transitioned_stage")
    by_git = "--format=%(contents:trailers:key=Acgs-Actor,valueonly)"
    assert kit.git(desk.repository, "for-each-ref", by_git, "refs/tags/credit#prod#1").strip() == (
        "grace@10.0.0.7"
    )


def test_names_that_nothing_governs_get_no_tags(desk: Desk) -> None:
    desk.register("scratch")
    desk.sync()
    assert kit.tags(desk.repository) == []


def test_what_no_event_told_is_read_off_the_registry(desk: Desk) -> None:
    record = desk.register()
    with transaction(desk.engine) as connection:
        connection.execute(
            text("UPDATE model_versions SET current_stage = 'Production' WHERE name = 'credit'")
        )
    desk.sync()
    assert kit.tags(desk.repository) == ["credit#prod#1", "credit@v1.0.0"]
    assert desk.registry.stages.position(record.uid).stage is Stage.PRODUCTION


def test_a_repository_that_comes_late_gets_the_whole_history_with_its_times(
    desk: Desk, tmp_path: Path
) -> None:
    record = desk.register()
    desk.move(record, Stage.STAGING)
    desk.later(86_400)
    desk.move(record, Stage.ARCHIVED)
    desk.sync()
    other = kit.bare(tmp_path / "other.git")
    desk.repository, first = other, desk.repository
    desk.sync()
    shape = "--format=%(refname) %(objectname) %(taggerdate:unix)"
    assert kit.git(other, "for-each-ref", shape) == kit.git(first, "for-each-ref", shape)


def test_a_name_that_a_person_took_gets_a_counter_and_theirs_stays(
    desk: Desk, tmp_path: Path
) -> None:
    clone = kit.clone_with_code(tmp_path / "person")
    for tag in ("credit@v1.0.0", "credit#staging#1", "credit#prod#8"):
        kit.git(clone, "tag", "-a", tag, "-m", "mine")
    kit.git(clone, "push", "--quiet", "--tags", str(desk.repository))
    desk.move(desk.register(), Stage.STAGING)
    desk.sync()
    ours = set(kit.tags(desk.repository)) - {"credit@v1.0.0", "credit#staging#1", "credit#prod#8"}
    assert ours == {"credit@v1.0.0#9", "credit#staging#10"}
    kinds = [(one.kind, one.subject) for one in desk.status.findings]
    assert sorted(kinds) == [
        ("tag_unknown", "credit#prod#8"),
        ("tag_unknown", "credit#staging#1"),
        ("tag_unknown", "credit@v1.0.0"),
    ]


def test_an_event_that_becomes_visible_late_is_followed_all_the_same(desk: Desk) -> None:
    """On PostgreSQL a smaller id may be committed after a larger one."""
    desk.register()
    desk.register("credit-late")
    with transaction(desk.engine) as connection:
        newest = text("SELECT * FROM acgs_event ORDER BY id DESC LIMIT 1")
        row = connection.execute(newest).one()._asdict()
        triggers = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for trigger in connection.execute(triggers).scalars().all():
            connection.execute(text(f"DROP TRIGGER {trigger}"))
        connection.execute(text("DELETE FROM acgs_event WHERE name = 'credit-late'"))
        connection.execute(text("UPDATE acgs_event SET id = id + 1000"))
    assert desk.tags.follow(desk.later()) == 1
    with transaction(desk.engine) as connection:
        columns = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO acgs_event ({columns}) VALUES ({values})"), row)
    assert desk.tags.follow(desk.later()) == 1
    desk.sync()
    assert kit.tags(desk.repository) == ["credit-late@v1.0.0", "credit@v1.0.0"]


def test_killed_at_any_moment_every_tag_is_made_once(desk: Desk) -> None:
    """A process that syncs is killed again and again; then the tags are those of one run."""
    kills = 0
    for number in range(KILLS):
        record = desk.register()
        desk.move(record, Stage.STAGING)
        desk.move(record, Stage.ARCHIVED)
        kills += _killed_while_syncing(desk, after_seconds=0.004 * (1 + number))
    assert kills > KILLS // 2
    for lock in desk.repository.rglob("*.lock"):
        lock.unlink()  # what a killed git left behind; a person is told of it as `git.locked`
    assert desk.sync().error is None
    found = kit.tags(desk.repository)
    assert {tag for tag in found if "@" in tag} == {f"credit@v1.0.{n}" for n in range(KILLS)}
    assert len(found) == KILLS * 4
    assert desk.status.findings == ()
    assert kit.git(desk.repository, "fsck", "--strict", "--no-dangling") == ""


def _killed_while_syncing(desk: Desk, *, after_seconds: float) -> bool:
    """Fork a process that syncs, and kill it with its git children; return whether it lived."""
    child = os.fork()
    if child == 0:
        os.setsid()
        try:
            open_tags(desk.settings).sync(desk.now)
        finally:
            os._exit(0)
    time.sleep(after_seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def test_several_processes_make_each_tag_once(desk: Desk) -> None:
    for _ in range(8):
        desk.move(desk.register(), Stage.STAGING)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: desk.tags.sync(desk.now), range(4)))
    desk.sync()
    assert sum(one.events for one in done) == 16
    assert len(kit.tags(desk.repository)) == 16
    assert desk.status.findings == ()


def test_the_role_follows_within_a_moment_and_stops_when_told(desk: Desk) -> None:
    stop = threading.Event()
    loop = GitLoop(desk.tags, GitPace(poll=0.02))
    worker = threading.Thread(target=loop.run, args=(stop,))
    worker.start()
    try:
        desk.move(desk.register(), Stage.STAGING)
        deadline = time.monotonic() + 10
        while len(kit.tags(desk.repository)) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(kit.tags(desk.repository)) == 2
    finally:
        stop.set()
        worker.join(timeout=5)
    assert not worker.is_alive()


def test_a_version_numbered_anew_gets_new_tags_on_a_commit_of_its_own(desk: Desk) -> None:
    record = desk.register()
    desk.move(record, Stage.STAGING)
    desk.sync()
    with transaction(desk.engine) as connection:
        connection.execute(text("UPDATE acgs_version SET semver = '2.0.0'"))
    desk.sync()
    assert "credit@v1.0.0!" in kit.tags(desk.repository)
    commits = {
        kit.git(desk.repository, "rev-parse", f"{tag}^{{commit}}")
        for tag in ("credit@v1.0.0", "credit@v2.0.0")
    }
    assert len(commits) == 2
