"""Moved and deleted tags of ours are found, told once, and written over only on demand."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.domain.values import Stage
from tests.integration.registry.git import kit
from tests.integration.registry.git.kit import Desk
from tests.support.gto import shown


@pytest.fixture
def pushed(tmp_path: Path) -> Desk:
    """Two versions, tagged and pushed."""
    remote = kit.bare(tmp_path / "remote.git")
    desk = Desk(tmp_path / "root", kit.bare(tmp_path / "models.git"), {"remote": str(remote)})
    for _ in range(2):
        desk.move(desk.register(), Stage.STAGING)
    desk.sync()
    return desk


def state(folder: Path) -> str:
    return kit.git(folder, "for-each-ref", "refs/tags")


def events(desk: Desk) -> list[tuple[str, str]]:
    found = desk.registry.audit.events(0, None, 1000)
    return [(e.type, e.data["tag"]) for e in found if e.type.startswith("git.")]


def place(desk: Desk, name: str) -> Path:
    return desk.repository if name == "local" else Path(desk.more["remote"])


@pytest.mark.parametrize("where", ["local", "remote"])
def test_a_moved_and_a_deleted_tag_are_found_and_repaired_to_the_same_objects(
    pushed: Desk, where: str
) -> None:
    folder = place(pushed, where)
    before = state(folder)
    other = kit.git(folder, "rev-parse", "credit@v1.0.1")
    kit.git(folder, "update-ref", "refs/tags/credit@v1.0.0", other)
    kit.git(folder, "update-ref", "-d", "refs/tags/credit#staging#2")

    done = pushed.sync()
    assert {(one.kind, one.place, one.subject) for one in done.tampered} == {
        ("tag_moved", where, "credit@v1.0.0"),
        ("tag_deleted", where, "credit#staging#2"),
    }
    assert state(folder) != before, "nothing is written over without being asked"
    pushed.sync()
    told = [("git.tag_deleted", "credit#staging#2"), ("git.tag_moved", "credit@v1.0.0")]
    assert sorted(events(pushed)) == told, "told once"

    done = pushed.sync(repair=True)
    assert (done.error, done.tampered) == (None, [])
    assert sorted(done.repaired) == ["credit#staging#2", "credit@v1.0.0"]
    assert state(folder) == before
    assert pushed.status.findings == ()
    assert sorted(events(pushed))[2:] == [
        ("git.tag_restored", "credit#staging#2"),
        ("git.tag_restored", "credit@v1.0.0"),
    ]


def test_a_tag_is_restored_after_its_objects_were_thrown_away(pushed: Desk) -> None:
    before = state(pushed.repository)
    for tag in kit.tags(pushed.repository):
        kit.git(pushed.repository, "tag", "-d", tag)
    kit.git(pushed.repository, "gc", "--quiet", "--prune=now")
    assert pushed.sync(repair=True).error is None
    assert state(pushed.repository) == before
    assert kit.git(pushed.repository, "fsck", "--strict") == ""
    assert shown(pushed.repository, kit.NAME) == {"v1.0.0": ["staging"], "v1.0.1": ["staging"]}


def test_a_finding_goes_when_somebody_puts_the_tag_back(pushed: Desk) -> None:
    ours = kit.git(pushed.repository, "rev-parse", "credit@v1.0.0")
    kit.git(pushed.repository, "tag", "-d", "credit@v1.0.0")
    pushed.sync()
    assert [one.kind for one in pushed.status.findings] == ["tag_deleted"]
    kit.git(pushed.repository, "update-ref", "refs/tags/credit@v1.0.0", ours)
    pushed.sync()
    assert pushed.status.findings == ()


def test_a_lightweight_tag_over_ours_is_a_moved_tag(pushed: Desk) -> None:
    kit.git(pushed.repository, "tag", "--force", "credit@v1.0.0", "credit@v1.0.1^{commit}")
    (one,) = pushed.sync().tampered
    assert one.kind == "tag_moved"


def test_foreign_tags_are_left_alone_and_told_once(pushed: Desk, tmp_path: Path) -> None:
    clone = kit.clone_with_code(tmp_path / "person")
    for number in range(40):
        kit.git(clone, "tag", f"v{number}")
    kit.git(clone, "tag", "-a", "credit@v9.0.0", "-m", "by hand")
    kit.git(clone, "push", "--quiet", "--tags", str(pushed.repository))
    for _ in range(2):
        done = pushed.sync()
        assert done.tampered == []
    kinds = {(one.kind, one.subject) for one in pushed.status.findings}
    assert kinds == {("tag_unknown", "credit@v9.0.0"), ("tag_foreign", "*")}
    assert events(pushed) == [("git.tag_unknown", "credit@v9.0.0")]
    assert "v9" in kit.tags(pushed.repository)
    assert "v9" not in kit.tags(place(pushed, "remote"))


def test_what_gto_registered_is_never_taken_for_a_registration(
    tmp_path: Path,
) -> None:
    from tests.support.gto import gto

    code = kit.clone_with_code(tmp_path / "code", commits=2)
    desk = Desk(tmp_path / "root", code)
    desk.register()
    desk.sync()
    # libgit2, which gto tags with, reads the home's configuration and this, not the environment's.
    kit.git(code, "config", "user.name", "ann")
    kit.git(code, "config", "user.email", "ann@example.invalid")
    gto(code, "register", kit.NAME, "HEAD", "--version", "v7.0.0")
    gto(code, "assign", kit.NAME, "--version", "v7.0.0", "--stage", "prod")
    done = desk.sync()
    assert [one.kind for one in done.found] == ["tag_unknown", "tag_unknown"]
    assert [record.semver for record in desk.registry.versions.versions(kit.NAME)] == ["1.0.0"]
    assert set(shown(code, kit.NAME)) == {"v1.0.0", "v7.0.0"}, "gto works on, with both"
    desk.move(desk.registry.versions.versions(kit.NAME)[0], Stage.PRODUCTION)
    desk.sync()
    assert shown(code, kit.NAME) == {"v1.0.0": ["prod"], "v7.0.0": ["prod"]}
