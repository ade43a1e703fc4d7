"""A second place gets every signed entry once, and keeps it whatever happens to the first."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.servers.s3 import S3
from infra.stores import bucket_locks
from infra.stores.object_store import ObjectStore
from registry.audit.merkle import mirroring
from registry.audit.merkle.adapters import log_files
from registry.audit.merkle.adapters.mirror_places import MirrorBucket, MirrorFolder, mirror_place
from registry.audit.merkle.bootstrap import open_mirror
from registry.audit.merkle.errors import LogBrokenError
from registry.audit.merkle.mirroring import Mirror
from registry.audit.merkle.settings import AuditSettings
from tests.integration.registry.audit import kit
from tests.integration.registry.audit.kit import Desk, Shell
from tests.integration.registry.audit.test_sequencing import Killed


@dataclass
class Second:
    """The mirror of an installation, and a way to download it as an auditor would."""

    desk: Desk
    uri: str
    download: Callable[[Path], object]

    def mirror(self) -> Mirror:
        opened = open_mirror(
            self.desk.engine, self.desk.settings.having(AuditSettings(mirror=self.uri))
        )
        assert opened is not None
        return opened

    def copied(self, tmp_path: Path) -> Path:
        target = tmp_path / "downloaded"
        shutil.rmtree(target, ignore_errors=True)
        self.download(target)
        return target


@pytest.fixture(params=["folder", "bucket"])
def second(
    request: pytest.FixtureRequest, small_desk: Desk, tmp_path: Path, monkeypatch: Any
) -> Second:
    """A folder, and a bucket with object lock."""
    if request.param == "folder":
        place = tmp_path / "second"
        return Second(small_desk, str(place), lambda to: shutil.copytree(place, to))
    s3: S3 = request.getfixturevalue("s3")
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    uri = f"s3://{s3.new_bucket(object_lock=True)}/audit"
    small_desk.settings = small_desk.settings.read(
        s3.environment(), storage_root=small_desk.root, database_url=small_desk.url
    )
    store = ObjectStore.of(small_desk.settings, uri)
    return Second(small_desk, uri, lambda to: store.download_all(to))


def grown(desk: Desk, count: int) -> None:
    desk.record(count)
    desk.sequencer.round()


def verified(second: Second, shell: Shell, tmp_path: Path) -> int:
    """Verify what the mirror has; return how many events that are."""
    folder, key = second.copied(tmp_path), second.desk.key_file
    found = shell.acgs("audit", "verify", folder, "--public-key", key, "--json")
    assert found.status == 0, found
    return int(found.view()["size"])


def test_a_mirror_is_verified_as_the_log_is(
    second: Second, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "PIECE", 4)
    desk, mirror = second.desk, second.mirror()
    assert not mirror.round()
    for size, count in ((3, 3), (13, 10), (14, 1)):
        grown(desk, count)
        assert mirror.round()
        assert not mirror.round()
        assert verified(second, shell, tmp_path) == size
    remembered = desk.remembered()
    assert (remembered.mirrored_size, remembered.mirror_error) == (14, None)
    kept = sorted(p.name for p in (tmp_path / "downloaded" / "checkpoints").iterdir())
    assert kept == [f"{size:015}.checkpoint" for size in (3, 13, 14)]


def test_a_new_process_goes_on_where_the_last_one_was_killed(
    second: Second, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "PIECE", 4)
    grown(second.desk, 9)
    kind = MirrorFolder if second.uri[0] == "/" else MirrorBucket
    for name in ("add", "replace"):
        for after in (False, True):
            with monkeypatch.context() as patch:
                step = f"{kind.__module__}.{kind.__name__}.{name}"
                kit.die_at(patch, step, Killed, after=after)
                with pytest.raises(Killed):
                    second.mirror().round()
    assert second.mirror().round()
    assert verified(second, shell, tmp_path) == 9


def test_another_history_is_not_written_over_the_mirror(
    second: Second, tmp_path: Path, shell: Shell
) -> None:
    desk = second.desk
    grown(desk, 5)
    second.mirror().round()
    desk.sequencer.close()
    for _first, path in log_files.segments(desk.folder):
        path.write_text(path.read_text().replace("alice", "bob"))
    with pytest.raises(LogBrokenError, match="expected the mirror to have the beginning"):
        second.mirror().round()
    assert "expected the mirror" in str(desk.remembered().mirror_error)
    assert verified(second, shell, tmp_path) == 5


def test_a_mirror_that_has_more_than_the_log_is_left(second: Second) -> None:
    desk = second.desk
    grown(desk, 5)
    older = shutil.copytree(desk.folder, desk.root / "older")
    grown(desk, 5)
    second.mirror().round()
    desk.sequencer.close()
    shutil.rmtree(desk.folder)
    older.rename(desk.folder)
    with pytest.raises(LogBrokenError, match="the log of size 5"):
        second.mirror().round()


def test_a_lost_folder_is_restored_from_its_mirror(
    second: Second, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("log_files", "log_writer"):
        monkeypatch.setattr(f"registry.audit.merkle.adapters.{module}.SEGMENT", 8)
    desk, mirror = second.desk, second.mirror()
    for count in (5, 1, 5):
        grown(desk, count)
        mirror.round()
    desk.sequencer.close()
    shutil.rmtree(desk.folder)
    desk.record(1)
    with pytest.raises(LogBrokenError, match="found no checkpoint file"):
        desk.sequencer.round()
    second.copied(tmp_path).rename(desk.folder)
    assert desk.sequencer.round() == 1
    grown(desk, 9)
    desk.restarted().round()
    shell.at(desk)
    assert shell.acgs("audit", "verify", "--json").view()["compared"] == 21
    grown(desk, 1)
    assert second.mirror().round()
    assert verified(second, shell, tmp_path) == 22


def test_a_place_that_is_away_is_said_and_asked_again(small_desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "second").write_text("a file where the folder should be")
    second = Second(small_desk, str(tmp_path / "second"), lambda _to: None)
    grown(small_desk, 1)
    mirror = second.mirror()
    with pytest.raises(LogBrokenError, match="second"):
        mirror.round()
    assert small_desk.remembered().mirror_error
    (tmp_path / "second").unlink()
    assert mirror.round()
    assert small_desk.remembered().mirror_error is None


def test_objects_are_held_by_the_bucket(
    small_desk: Desk, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    uri = f"s3://{s3.new_bucket(object_lock=True)}/audit"
    settings = small_desk.settings.read(s3.environment(), storage_root=small_desk.root)
    place = mirror_place(settings, uri)
    place.add("entries/x", b"content")
    assert bucket_locks.held(ObjectStore.of(settings, uri), "entries/x")
