"""Checkpoints of the audit log leave with the repository, and are never moved there."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from registry.audit.merkle.bootstrap import open_sequencer
from registry.audit.merkle.settings import log_folder
from registry.git.checkpoint_tags import EVERY_SECONDS
from registry.git.errors import GitError
from registry.git.role import GitLoop
from tests.integration.registry.audit.kit import Shell
from tests.integration.registry.git import kit
from tests.integration.registry.git.kit import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    remote = kit.bare(tmp_path / "remote.git")
    return Desk(tmp_path / "root", kit.bare(tmp_path / "models.git"), {"remote": str(remote)})


def signed(desk: Desk) -> None:
    sequencer = open_sequencer(desk.engine, desk.settings)
    sequencer.round()
    sequencer.close()


def test_a_checkpoint_is_tagged_once_an_hour_and_pushed(desk: Desk) -> None:
    assert desk.tags.checkpoints.write(desk.now) is None
    desk.register()
    signed(desk)
    first = desk.tags.checkpoints.write(desk.now)
    assert first == "acgs-audit/000000000000002"
    assert desk.tags.checkpoints.write(desk.now + timedelta(days=1)) is None
    desk.register()
    signed(desk)
    assert desk.tags.checkpoints.write(desk.now) is None
    later = desk.now + timedelta(seconds=EVERY_SECONDS)
    assert desk.tags.checkpoints.write(later) == "acgs-audit/000000000000003"
    assert desk.tags.checkpoints.push() == 2
    assert desk.tags.checkpoints.push() == 0
    remote = Path(desk.more["remote"])
    assert kit.tags(remote) == ["acgs-audit/000000000000002", "acgs-audit/000000000000003"]
    assert kit.git(remote, "cat-file", "-t", first) == "tag"
    kit.git(remote, "fsck", "--strict")


def test_a_fetched_tag_finds_a_fork(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    desk.register()
    signed(desk)
    name = desk.tags.checkpoints.write(desk.now)
    desk.tags.checkpoints.push()
    kept = tmp_path / "kept"
    kept.write_text(kit.git(Path(desk.more["remote"]), "cat-file", "blob", f"{name}^{{}}") + "\n")
    shell = Shell(capsys, monkeypatch)
    folder, key = log_folder(desk.settings), desk.root / "keys" / "audit-log.vkey"
    words = ("audit", "verify", folder, "--public-key", key, "--checkpoint", kept)
    assert shell.acgs(*words).status == 0

    shutil.rmtree(folder)
    with desk.engine.begin() as connection:
        for table in ("acgs_event", "acgs_leaf"):
            for verb in ("update", "delete"):
                connection.exec_driver_sql(f"DROP TRIGGER {table}_no_{verb}")
        connection.exec_driver_sql("UPDATE acgs_event SET actor = 'bob'")
        connection.exec_driver_sql("DELETE FROM acgs_leaf")
        connection.exec_driver_sql("DELETE FROM acgs_log")
    signed(desk)  # the same key signs another history
    assert "found another history" in shell.refused(*words)


def test_a_tag_of_the_remotes_is_not_overwritten(desk: Desk, tmp_path: Path) -> None:
    desk.register()
    signed(desk)
    name = str(desk.tags.checkpoints.write(desk.now))
    desk.tags.checkpoints.push()
    remote = Path(desk.more["remote"])
    was = kit.git(remote, "rev-parse", name)
    kit.git(desk.repository, "tag", "-d", name)
    desk.tags.checkpoints.write(desk.now + timedelta(days=1))
    assert kit.git(desk.repository, "rev-parse", name) != was
    desk.tags.checkpoints.push()
    assert kit.git(remote, "rev-parse", name) == was


def test_the_role_tags_checkpoints_beside_versions(desk: Desk) -> None:
    desk.register()
    signed(desk)
    GitLoop(desk.tags).round()
    found = kit.tags(Path(desk.more["remote"]))
    assert "acgs-audit/000000000000002" in found
    assert len(found) == 2
    assert not desk.tags.check_local(desk.now).found


def test_a_repository_that_is_gone_is_said(desk: Desk) -> None:
    desk.register()
    signed(desk)
    shutil.rmtree(desk.repository)
    with pytest.raises(GitError):
        desk.tags.checkpoints.write(desk.now)
