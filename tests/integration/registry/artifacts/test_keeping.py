"""Second copies, retention, space, and a role that does it all by itself."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from infra.clock import utc_now
from infra.errors import ConflictError
from infra.processes.leases import Leases
from infra.servers.s3 import S3
from infra.stores import bucket_locks
from registry.artifacts.adapters.kept_objects import KeptObjects
from registry.artifacts.bootstrap import Artifacts, artifacts_of
from registry.artifacts.replication import REPLICA_LEASE
from registry.artifacts.role import Keeper, artifacts_role
from registry.artifacts.settings import ArtifactSettings
from registry.errors import GateClosedError
from registry.files.adapters.stored_files import S3Files
from tests.integration.registry.artifacts.conftest import in_buckets
from tests.integration.registry.artifacts.places import FILES, Keep
from tests.integration.registry.shelf import NAME
from tests.support.stores import Databases


def later(keep: Keep, days: float) -> Artifacts:
    return artifacts_of(
        keep.settings, keep.artifacts.kit.registry, clock=lambda: utc_now() + timedelta(days=days)
    )


def stored(keep: Keep) -> dict[str, int]:
    root = Path(keep.settings.of(ArtifactSettings).replica)
    return {p.name: p.stat().st_size for p in root.rglob("*") if p.is_file()}


def test_equal_content_is_kept_once_and_compressed_where_it_pays(local: Keep) -> None:
    noise = os.urandom(100_000)
    one, other = local.register(weights=noise), local.register(weights=noise)
    first = local.artifacts.replication.replicate(one)
    second = local.artifacts.replication.replicate(other)
    assert first > 100_000
    assert second < 200
    assert local.artifacts.replication.replicate(one) == 0
    blobs = stored(local)
    assert len(blobs) == len(FILES) + 1 + 2
    assert sum(name.endswith(".zst") for name in blobs) == 2
    (used,) = local.artifacts.accounting.usage()
    assert used.versions == 2
    assert used.logical_bytes == used.stored_bytes > 2 * 100_000
    assert used.unique_bytes < used.logical_bytes / 2 + 1000
    assert used.replica_bytes == sum(blobs.values()) < used.unique_bytes - 100_000


def test_a_damaged_source_never_reaches_the_replica(local: Keep) -> None:
    record = local.register()
    local.flip(record)
    with pytest.raises(Exception, match=r"data/a\.bin: expected content"):
        local.artifacts.replication.replicate(record)
    assert not local.artifacts.replication.is_replicated(record)
    sha = next(
        f.sha256 for f in local.artifacts.kit.manifest(record).files if f.path == "data/a.bin"
    )
    assert not [name for name in stored(local) if name.startswith(sha)]


def test_only_what_nothing_needs_is_freed_and_the_record_comes_first(keep: Keep) -> None:
    registry = keep.artifacts.kit.registry
    gone, held, young = keep.register(), keep.register(), keep.register()
    for record in (gone, held, young):
        keep.artifacts.replication.replicate(record)
    registry.custody.hold(held, "case 7", "lea", utc_now())
    assert not any(d.free for d in keep.artifacts.retention.decisions())
    then = later(keep, 91)
    said = {d.uid: d for d in then.retention.decisions()}
    assert [said[r.uid].free for r in (gone, held)] == [True, False]
    assert said[held.uid].reasons == ("legal hold: case 7",)
    with keep.artifacts.kit.leases.held(REPLICA_LEASE):
        assert not elsewhere(keep).take(REPLICA_LEASE)

    registry.custody.hold(young, "still wanted", "lea", utc_now())
    done = list(then.retention.expire("ann"))

    assert [one.decision.uid for one in done] == [gone.uid]
    assert keep.place.names(keep.folder(gone)) == set()
    assert keep.place.names(keep.folder(held)) == {*FILES, "unique.txt"}
    assert keep.events(gone)[-1] == "artifact.freed"
    with pytest.raises(GateClosedError, match=r"artifact\.freed"):
        registry.files.model_files(gone.uid)
    assert "freed by retention" in registry.stages.position(gone.uid).tags["acgs.artifact"]
    assert keep.artifacts.scrubbing.check(held).ok
    assert keep.artifacts.repairing.repair(held, "ann").whole
    assert list(then.retention.expire("ann")) == []


def test_a_held_version_cannot_be_deleted(local: Keep) -> None:
    record = local.register()
    registry = local.artifacts.kit.registry
    assert registry.custody.hold(record, "case 7", "lea", utc_now())
    assert not registry.custody.hold(record, "again", "lea", utc_now())
    with pytest.raises(Exception, match=r"hold\.legal"):
        local.shelf.store.delete_model_version(NAME, str(record.version))
    assert registry.custody.release(record, "closed", "lea", utc_now())
    local.shelf.store.delete_model_version(NAME, str(record.version))


def test_an_expiry_that_was_killed_is_finished_by_the_next(local: Keep) -> None:
    record = local.register()
    then = later(local, 91)
    tombstone = then.retention._record(record.uid, "ann", KeptObjects())
    assert tombstone is not None
    assert local.place.names(local.folder(record)) != set()
    assert list(then.retention.expire("ann")) == []
    assert local.place.names(local.folder(record)) == set()


def elsewhere(keep: Keep) -> Leases:
    """The leases as a process on another machine takes them."""
    return replace(keep.artifacts.kit.leases, owner="elsewhere|1|x")


def test_expiry_waits_for_whoever_writes_to_the_replica(local: Keep) -> None:
    assert elsewhere(local).take(REPLICA_LEASE)
    with pytest.raises(ConflictError, match="another process"):
        list(local.artifacts.retention.expire("ann"))


def test_a_scrub_that_was_interrupted_goes_on_where_it_was(local: Keep) -> None:
    for _ in range(4):
        local.register()
    walk = local.artifacts.scrubbing.begin_pass(None)
    steps = local.artifacts.scrubbing.walk(walk, None)
    looked = [next(steps)[1], next(steps)[1]]
    steps.close()  # type: ignore[attr-defined]
    time.sleep(0.01)
    again = local.artifacts.scrubbing.begin_pass(None)
    assert (again.id, again.resumed) == (walk.id, True)
    checks = {c.version_uid: c for _, c in local.artifacts.scrubbing.walk(again, None)}
    assert len(checks) == 4
    assert all(checks[c.version_uid].checked_ms == c.checked_ms for c in looked)
    assert not local.artifacts.scrubbing.begin_pass(None).resumed


def keeper(keep: Keep, stop: threading.Event | None = None) -> Keeper:
    return Keeper(
        keep.artifacts,
        lambda: None,
        stop or threading.Event(),
    )


def test_the_role_signs_copies_and_looks_and_then_rests(keep: Keep) -> None:
    records = [keep.register() for _ in range(3)]
    working = keeper(keep)
    rounds = 0
    while working.round():
        rounds += 1
        assert rounds < 20
    for record in records:
        assert keep.artifacts.statements.verify(record)
        assert keep.artifacts.replication.is_replicated(record)
    assert keep.artifacts.repairing.damaged() == []
    assert not working.round()
    keep.flip(records[0])
    assert later(keep, 8).scrubbing.check(records[0]).changes == ("data/a.bin: content changed",)


def test_the_role_repairs_what_it_finds_and_quarantines_what_it_cannot(local: Keep) -> None:
    saved, lost = local.register(), local.register()
    local.artifacts.replication.replicate(saved)
    local.flip(saved)
    local.flip(lost, "unique.txt")
    working = keeper(local)
    while working.round():
        pass
    assert local.artifacts.statements.verify(saved)
    quarantine = local.artifacts.kit.registry.custody.quarantine_of(lost.uid)
    assert quarantine is not None
    assert quarantine.detail == "unique.txt: content changed"


def test_the_role_copies_again_what_the_replica_lost_whoever_found_it(local: Keep) -> None:
    by_itself, by_hand = local.register(), local.register()
    working = keeper(local)
    while working.round():
        pass
    for record in (by_itself, by_hand):
        local.lose_copy(hashlib.sha256(local.content(record)["unique.txt"]).hexdigest())
    assert not local.artifacts.scrubbing.check(by_hand).ok
    working = keeper(local)
    working.artifacts = later(local, 8)
    while working.round():
        pass
    assert local.artifacts.repairing.damaged() == []
    assert local.artifacts.replication.is_replicated(by_itself)
    assert local.artifacts.replication.is_replicated(by_hand)


def test_objects_are_held_by_the_bucket_where_it_has_object_lock(
    tmp_path: Path, databases: Databases, s3: S3, monkeypatch: pytest.MonkeyPatch, remote: Keep
) -> None:
    plain = remote.register()
    assert remote.artifacts.replication.lock_objects(plain) == "unsupported"
    keep = in_buckets(tmp_path / "b", databases, s3, monkeypatch, object_lock=True)
    record = keep.register()
    assert keep.artifacts.replication.lock_missing(10) == 1
    files = keep.artifacts.kit.files(record)
    assert isinstance(files, S3Files)
    assert bucket_locks.held(files.store, "data/caf\u00e9.txt")
    keep.artifacts.replication.replicate(record)
    keep.flip(record)
    assert keep.artifacts.repairing.repair(record, "ann").whole
    assert [d.decision.uid for d in later(keep, 91).retention.expire("ann")] == [record.uid]
    assert keep.place.names(keep.folder(record)) == set()


def test_a_role_that_is_killed_while_it_copies_loses_nothing(local: Keep) -> None:
    noise = os.urandom(3_000_000)
    more = {f"w{n}": noise + bytes([n]) for n in range(6)}
    records = [local.register(NAME, **more) for _ in range(2)]
    environment = {
        **os.environ,
        "MLOPS_STORAGE_ROOT": str(local.settings.storage_root),
        "ACGS_DATABASE_URL": local.settings.database_url,
        "ACGS_ARTIFACT_REPLICA": local.settings.of(ArtifactSettings).replica,
    }
    command = [sys.executable, "-m", "infra", "run", artifacts_role().name]
    for _ in range(3):
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        before, deadline = len(stored(local)), time.monotonic() + 30
        while len(stored(local)) < before + 2 and time.monotonic() < deadline:
            if all(local.artifacts.replication.is_replicated(r) for r in records):
                break
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    for record in records:
        local.artifacts.replication.replicate(record)
        assert local.artifacts.scrubbing.check(record).ok
        local.flip(record, "w3")
        assert local.artifacts.repairing.repair(record, "ann").whole
