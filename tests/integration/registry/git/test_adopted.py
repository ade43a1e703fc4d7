"""Versions that plain MLflow registered: tagged once they are numbered, counted until then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.component import Health
from registry.domain.values import Stage
from registry.git.health import probes
from registry.git.role import GitLoop, GitPace
from tests.integration.registry.git import kit
from tests.integration.registry.git.kit import Desk
from tests.support.gto import shown
from tests.support.stores import Databases, Kind

NEVER = 10.0**9


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, desk: Desk, tmp_path: Path) -> Iterator[Desk]:
    if request.param == "sqlite":
        yield desk
        return
    databases: Databases = request.getfixturevalue("databases")
    bare = kit.bare(tmp_path / "other.git")
    opened = Desk(tmp_path / "other", bare, url=databases.new(Kind.POSTGRES))
    yield opened
    opened.engine.dispose()


def test_they_are_tagged_by_their_own_events_where_they_stand(either: Desk) -> None:
    either.left_by_plain_mlflow(Stage.NONE, Stage.PRODUCTION, Stage.ARCHIVED)
    loop = GitLoop(either.tags, GitPace(settle=NEVER, check_local=NEVER, check_remote=NEVER))
    loop.round()
    assert kit.tags(either.repository) == []
    assert either.back_fill() == 3
    first = either.registry.takeover.adopt(kit.NAME, 1, "ada@cli")
    either.move(first, Stage.STAGING)
    loop.round()
    assert shown(either.repository, kit.NAME) == {
        "v0.1.0": ["staging"],
        "v0.2.0": ["prod"],
        "v0.3.0": ["archived"],
    }
    told = kit.git(either.repository, "cat-file", "tag", "credit@v0.2.0")
    assert "model_version.adopted" in told
    assert either.sync().made == 0


def test_one_that_moved_before_git_looked_keeps_the_order_of_its_stages(desk: Desk) -> None:
    desk.left_by_plain_mlflow(Stage.STAGING)
    desk.back_fill()
    desk.move(desk.registry.takeover.adopt(kit.NAME, 1, "ada@cli"), Stage.PRODUCTION)
    desk.sync()
    assert kit.tags(desk.repository) == [
        "credit#prod#3",
        "credit#staging!#2",
        "credit#staging#1",
        "credit@v0.1.0",
    ]


def test_status_and_health_count_the_versions_without_a_tag(either: Desk) -> None:
    either.left_by_plain_mlflow(Stage.NONE, Stage.NONE)
    either.left_by_plain_mlflow(Stage.NONE, name="scratch")
    either.register()
    either.standing("yank", either.register())
    assert either.status.untagged == 3
    either.sync()
    # Two are not numbered yet; nothing governs the scratch, and a yanked one needs no tag.
    assert either.status.untagged == 2
    (probe,) = probes(either.settings)
    assert probe.health is Health.OK
    assert probe.detail.endswith("wait, 2 versions without a tag")
    either.back_fill()
    assert (either.status.untagged, either.status.unread) == (2, 2)
    either.sync()
    assert either.status.untagged == 0
    assert "without" not in next(iter(probes(either.settings))).detail


def test_nobody_can_say_what_has_no_tag_without_a_constitution(desk: Desk) -> None:
    desk.register()
    (desk.root / "constitution" / "constitution.yaml").write_text("{")
    assert desk.status.untagged is None
