"""A store that lets nobody look: nothing is known of its files, so nothing is damaged."""

from __future__ import annotations

import ctypes
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.clock import utc_now
from infra.errors import NoAccessError, exit_code
from infra.servers.s3 import READ_WRITE, S3, User
from infra.stores.errors import BucketMissingError, StoreCredentialsError, StoreDeniedError
from registry.artifacts.bootstrap import artifacts_of
from registry.artifacts.role import Keeper
from registry.artifacts.settings import ArtifactSettings
from registry.domain.records import VersionRecord
from registry.errors import ArtifactError
from tests.integration.registry.artifacts.places import Keep
from tests.integration.registry.artifacts.test_cli import acgs

PUT_ONLY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::*"]}],
}


class Server:
    """What the platform's own user may do with its buckets, from one moment to the next."""

    def __init__(self, s3: S3, keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
        self.s3, self.keep, self._patch = s3, keep, monkeypatch
        self.user = s3.new_user()
        self._enter(self.user)

    def _enter(self, user: User) -> None:
        for name, value in self.s3.environment(user).items():
            self._patch.setenv(name, value)

    def allow(self, policy: dict[str, Any]) -> None:
        self.s3.admin.allow(self.user.access_key, f"p-{self.user.access_key}", policy)

    def deny(self) -> None:
        self.allow(PUT_ONLY)

    def deny_bucket(self, uri: str) -> None:
        bucket = f"arn:aws:s3:::{uri.removeprefix('s3://').partition('/')[0]}"
        nothing = {"Effect": "Deny", "Action": ["s3:*"], "Resource": [bucket, f"{bucket}/*"]}
        self.allow({**READ_WRITE, "Statement": [*READ_WRITE["Statement"], nothing]})

    def use_wrong_secret(self) -> None:
        self._enter(User(self.user.access_key, "wrong-secret"))

    def drop_bucket(self) -> None:
        bucket = self.keep.settings.artifact_root.removeprefix("s3://").partition("/")[0]
        client = self.s3.client()
        for item in client.list_objects_v2(Bucket=bucket).get("Contents", []):
            client.delete_object(Bucket=bucket, Key=item["Key"])
        client.delete_bucket(Bucket=bucket)


@pytest.fixture
def server(remote: Keep, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Server:
    return Server(s3, remote, monkeypatch)


def kept(keep: Keep) -> VersionRecord:
    record = keep.register()
    keep.artifacts.replication.replicate(record)
    keep.artifacts.statements.sign(record)
    assert keep.artifacts.scrubbing.check(record).ok
    return record


def nothing_is_marked(keep: Keep, record: VersionRecord) -> bool:
    return (
        keep.artifacts.kit.registry.custody.quarantine_of(record.uid) is None
        and keep.artifacts.repairing.damaged() == []
        and "artifact.damaged" not in keep.events(record)
    )


REFUSALS: dict[str, tuple[Callable[[Server], None], type[NoAccessError]]] = {
    "denied": (Server.deny, StoreDeniedError),
    "wrong secret": (Server.use_wrong_secret, StoreCredentialsError),
    "bucket deleted": (Server.drop_bucket, BucketMissingError),
}


@pytest.mark.parametrize("how", REFUSALS)
def test_a_store_that_lets_nobody_look_damages_nothing(
    remote: Keep, server: Server, how: str
) -> None:
    refuse, kind = REFUSALS[how]
    record = kept(remote)
    refuse(server)
    # Opened anew, as by a command: the replica's client keeps its secret.
    artifacts = artifacts_of(remote.settings, remote.artifacts.kit.registry)
    acts: list[Callable[[], object]] = [
        lambda: artifacts.scrubbing.check(record),
        lambda: artifacts.repairing.repair(record, "ann"),
        lambda: artifacts.repairing.plan(record),
        lambda: artifacts.kit.registry.files.prove(record, "cannot be deployed"),
        lambda: artifacts.kit.registry.files.model_files(record.uid),
    ]
    for act in acts:
        with pytest.raises(kind) as told:
            act()
        assert exit_code(told.value) == 3
    assert nothing_is_marked(remote, record)


@pytest.mark.parametrize("command", ["scrub", "repair"])
def test_the_commands_say_that_they_could_not_look(
    remote: Keep, server: Server, command: str
) -> None:
    record = kept(remote)
    server.deny()
    answer = acgs(remote, command, f"{record.name}@{record.semver}")
    assert answer.returncode == 3
    assert "does not allow ListObjectsV2" in answer.stderr
    assert "damaged: 1" not in answer.stdout
    assert "no copy of" not in answer.stdout
    assert nothing_is_marked(remote, record)


def test_a_scrub_comes_back_to_what_it_could_not_look_at(remote: Keep, server: Server) -> None:
    records = [kept(remote), kept(remote)]
    server.deny()
    answer = acgs(remote, "scrub")
    assert answer.returncode == 3
    assert f"could not read {records[0].name}" in answer.stderr
    assert "and 1 more" in answer.stderr
    server.allow(READ_WRITE)
    again = acgs(remote, "scrub")
    assert (again.returncode, "looked at: 2, damaged: 0" in again.stdout) == (0, True)
    assert "continues a scrub that did not finish" in again.stderr
    assert all(nothing_is_marked(remote, record) for record in records)


def test_a_replica_that_denies_loses_no_copy(remote: Keep, server: Server) -> None:
    record = kept(remote)
    server.deny_bucket(remote.settings.of(ArtifactSettings).replica)
    with pytest.raises(StoreDeniedError):
        remote.artifacts.scrubbing.check(record)
    assert remote.artifacts.replication.is_replicated(record)
    remote.flip(record)
    for look in (
        remote.artifacts.scrubbing.check,
        lambda r: remote.artifacts.repairing.repair(r, "ann"),
    ):
        with pytest.raises(StoreDeniedError):
            look(record)
    # Its own damage was seen all the same, and waits for the replica.
    assert remote.artifacts.repairing.damaged() == [record]
    assert remote.artifacts.kit.registry.custody.quarantine_of(record.uid) is None
    server.allow(READ_WRITE)
    assert remote.artifacts.repairing.repair(record, "ann").restored == ("data/a.bin",)


def test_the_role_waits_for_access_and_marks_nothing(remote: Keep, server: Server) -> None:
    record = kept(remote)
    often = replace(remote.settings.of(ArtifactSettings), scrub_days=1e-9)
    settings = remote.settings.having(often)
    artifacts = artifacts_of(settings, remote.artifacts.kit.registry)
    now = [0.0]
    keeper = Keeper(artifacts, lambda: None, threading.Event(), lambda: now[0])
    keeper.round()
    server.deny()
    keeper.round()
    assert nothing_is_marked(remote, record)
    server.allow(READ_WRITE)
    remote.lose(record)
    now[0] += 1000.0
    keeper.round()
    assert remote.events(record)[-1] == "artifact.repaired"


def test_a_version_that_was_quarantined_for_a_closed_store_heals(keep: Keep) -> None:
    record = kept(keep)
    registry = keep.artifacts.kit.registry
    detail = "files: cannot read the model's files at s3://b/k: the object store does not allow it"
    registry.custody.quarantine(record, detail, "acgs", utc_now())
    assert keep.artifacts.scrubbing.check(record).ok
    assert registry.custody.quarantine_of(record.uid) is None
    assert keep.events(record)[-1] == "artifact.released"


@contextmanager
def no_override() -> Iterator[None]:
    """Do without the capabilities by which root reads what is closed: of this thread only."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    # Effective, permitted and inheritable, twice.
    had = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, had) == 0
    less = (ctypes.c_uint32 * 6)(*had)
    less[0] &= ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    assert libc.capset(header, less) == 0
    try:
        yield
    finally:
        assert libc.capset(header, had) == 0


@pytest.fixture
def closed(local: Keep) -> Iterator[Callable[[Path], None]]:
    """Close files and folders to this process, root or not; opened again at the end."""
    shut: list[Path] = []

    def close(path: Path) -> None:
        shut.append(path)
        path.chmod(0)

    with no_override():
        yield close
        for path in shut:
            path.chmod(0o700)


@pytest.mark.parametrize("what", ["", "MLmodel", "data"])
def test_a_file_or_folder_that_may_not_be_read_is_not_damaged(
    local: Keep, closed: Callable[[Path], None], what: str
) -> None:
    record = kept(local)
    closed(Path(record.source) / what)
    for act in (
        local.artifacts.scrubbing.check,
        lambda r: local.artifacts.repairing.repair(r, "ann"),
    ):
        with pytest.raises(NoAccessError, match="cannot read"):
            act(record)
    assert nothing_is_marked(local, record)


def test_a_replica_folder_that_may_not_be_read_loses_no_copy(
    local: Keep, closed: Callable[[Path], None]
) -> None:
    record = kept(local)
    closed(Path(local.settings.of(ArtifactSettings).replica) / "sha256")
    with pytest.raises(NoAccessError):
        local.artifacts.scrubbing.check(record)
    assert local.artifacts.replication.is_replicated(record)


def test_a_disk_that_is_not_mounted_is_not_damage(local: Keep) -> None:
    record = kept(local)
    root, replica = Path(record.source).parent, Path(local.settings.of(ArtifactSettings).replica)
    for disk in (root, replica):
        away = disk.with_name("away")
        disk.rename(away)
        if disk is root:
            disk.mkdir()  # the mount point
        with pytest.raises(NoAccessError, match="mount its disk"):
            artifacts_of(local.settings, local.artifacts.kit.registry).scrubbing.check(record)
        shutil.rmtree(disk, ignore_errors=True)
        away.rename(disk)
    assert nothing_is_marked(local, record)
    assert local.artifacts.replication.is_replicated(record)


def test_a_folder_that_is_missing_among_others_is_damage(local: Keep) -> None:
    record, _other = kept(local), kept(local)
    before = local.content(record)
    shutil.rmtree(record.source)
    with pytest.raises(ArtifactError, match="found no such folder"):
        local.artifacts.kit.registry.files.current_manifest(record)
    assert local.artifacts.repairing.repair(record, "ann").whole
    assert local.content(record) == before


def test_an_object_that_is_missing_in_a_readable_bucket_is_damage(remote: Keep) -> None:
    record = kept(remote)
    remote.lose(record)
    assert remote.artifacts.scrubbing.check(record).changes == ("MLmodel: missing",)
