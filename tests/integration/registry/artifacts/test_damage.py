"""A flipped byte, a lost, an added and two swapped files: found, refused, repaired."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.clock import utc_now
from registry.artifacts.errors import FilesDifferError
from registry.artifacts.settings import ArtifactSettings
from registry.domain.records import Ask, VersionRecord
from registry.domain.values import RequestKind, Stage
from registry.errors import ArtifactError, GateClosedError
from registry.files.adapters import locations
from tests.integration.registry.artifacts.places import Keep, emptied

DAMAGE: dict[str, tuple[Callable[[Keep, VersionRecord], None], tuple[str, ...]]] = {
    "flip one byte": (Keep.flip, ("data/a.bin: content changed",)),
    "delete one file": (Keep.lose, ("MLmodel: missing",)),
    "add one file": (Keep.add, ("data/evil.py: added",)),
    "swap two files": (
        Keep.swap,
        ("data/a.bin: swapped with data/b.bin", "data/b.bin: swapped with data/a.bin"),
    ),
}


def promote(keep: Keep, record: VersionRecord) -> None:
    ask = Ask(RequestKind.TRANSITION, record, record.name, Stage.PRODUCTION, "ann")
    keep.artifacts.kit.registry.gate.open_request(ask, utc_now())


@pytest.mark.parametrize("how", DAMAGE)
def test_damage_is_found_refused_and_repaired(keep: Keep, how: str) -> None:
    damage, changes = DAMAGE[how]
    record, other = keep.register(), keep.register()
    before = keep.content(record)
    keep.artifacts.replication.replicate(record)
    keep.artifacts.statements.sign(record)
    assert keep.artifacts.scrubbing.check(record).ok

    damage(keep, record)

    walk = keep.artifacts.scrubbing.begin_pass(None)
    found = {r.uid: c for r, c in keep.artifacts.scrubbing.walk(walk, None)}
    assert found[record.uid].changes == changes
    assert found[other.uid].ok
    with pytest.raises(FilesDifferError, match=changes[0]):
        keep.artifacts.statements.verify(record)
    with pytest.raises(GateClosedError, match=r"artifact\.changed") as refused:
        promote(keep, record)
    assert changes[0] in str(refused.value)
    with pytest.raises(ArtifactError, match=changes[0]):
        keep.artifacts.kit.registry.files.model_files(record.uid)
    assert keep.artifacts.repairing.plan(record) == changes

    done = keep.artifacts.repairing.repair(record, "ann")

    assert done.whole
    assert keep.content(record) == before
    assert keep.artifacts.statements.verify(record).files == len(before)
    assert keep.artifacts.kit.registry.custody.quarantine_of(record.uid) is None
    assert keep.events(record)[-2:] == ["artifact.damaged", "artifact.repaired"]
    promote(keep, record)
    assert not keep.artifacts.repairing.repair(record, "ann").restored


def test_what_was_damaged_or_added_is_set_aside_not_thrown_away(local: Keep) -> None:
    record = local.register()
    local.artifacts.replication.replicate(record)
    local.flip(record)
    local.add(record)
    flipped = local.place.read(local.folder(record), "data/a.bin")
    strays = local.artifacts.repairing.repair(record, "ann").strays
    assert strays is not None
    assert (strays / "data" / "a.bin").read_bytes() == flipped
    assert (strays / "data" / "evil.py").read_bytes() == b"print('evil')"


def test_a_link_is_set_aside_and_takes_no_version_out_of_service(local: Keep) -> None:
    record = local.register()
    before = local.content(record)
    local.artifacts.replication.replicate(record)
    uri = local.artifacts.kit.registry.files.files_uri(record)
    folder = locations.local_folder(local.artifacts.kit.settings, uri)
    assert folder is not None
    (folder / "data" / "link").symlink_to("/etc/passwd")
    assert "found a link" in local.artifacts.repairing.plan(record)[0]
    done = local.artifacts.repairing.repair(record, "ann")
    assert (done.restored, done.removed, done.whole) == ((), ("data/link",), True)
    assert done.strays is not None
    assert (done.strays / "data" / "link").is_symlink()
    assert local.content(record) == before
    assert local.artifacts.kit.registry.custody.quarantine_of(record.uid) is None


def test_what_nobody_has_is_quarantined_and_said_in_mlflow(keep: Keep) -> None:
    registry = keep.artifacts.kit.registry
    record = keep.register()
    keep.flip(record, "data/b.bin")
    done = keep.artifacts.repairing.repair(record, "ann")
    assert done.missing == ("data/b.bin",)
    shown = registry.stages.position(record.uid)
    assert shown.tags["acgs.artifact"] == "quarantined: data/b.bin: content changed"
    assert "files **quarantined: data/b.bin: content changed**" in shown.description
    with pytest.raises(GateClosedError, match=r"artifact\.quarantined"):
        registry.files.model_files(record.uid)
    keep.flip(record, "data/b.bin")  # flipped back, from a backup as it were
    with pytest.raises(GateClosedError, match=r"artifact\.quarantined"):
        promote(keep, record)
    keep.artifacts.repairing.repair(record, "ann")
    assert registry.custody.quarantine_of(record.uid) is None
    assert registry.stages.position(record.uid).tags["acgs.artifact"].startswith("verified")
    assert [e for e in keep.events(record) if e.startswith("artifact.")] == [
        "artifact.damaged", "artifact.quarantined", "artifact.released",
    ]  # fmt: skip
    promote(keep, record)


def test_swapped_files_are_their_own_replica(local: Keep) -> None:
    record = local.register()
    before = local.content(record)
    local.swap(record)
    assert local.artifacts.repairing.repair(record, "ann").whole
    assert local.content(record) == before


def test_a_damaged_replica_is_found_never_restored_from_and_copied_again(local: Keep) -> None:
    record = local.register()
    local.artifacts.replication.replicate(record)
    replica = Path(local.settings.of(ArtifactSettings).replica)
    for blob in replica.rglob("*"):
        if blob.is_file():
            blob.write_bytes(blob.read_bytes()[:-1] + b"?")
    local.flip(record)
    done = local.artifacts.repairing.repair(record, "ann")
    assert done.missing == ("data/a.bin",)
    local.flip(record)
    assert "data/a.bin" in local.artifacts.repairing.repair(record, "ann").copied
    assert local.artifacts.replication.is_replicated(record)
    assert local.artifacts.scrubbing.check(record).ok
    emptied(replica)
    assert (
        "replica: MLmodel: content changed or missing"
        in local.artifacts.scrubbing.check(record).changes
    )
    local.artifacts.replication.replicate(record)
    assert local.artifacts.scrubbing.check(record).ok


@pytest.mark.parametrize("how", [Keep.lose_copy, Keep.flip_copy])
def test_a_lost_copy_is_told_until_it_is_made_again(
    keep: Keep, how: Callable[[Keep, str], None]
) -> None:
    record, other = keep.register(), keep.register()
    for each in (record, other):
        keep.artifacts.replication.replicate(each)
    how(keep, hashlib.sha256(keep.content(record)["unique.txt"]).hexdigest())
    told = ("replica: unique.txt: content changed or missing",)
    assert keep.artifacts.repairing.plan(record) == told
    for _ in range(2):
        assert keep.artifacts.scrubbing.check(record).changes == told
        assert not keep.artifacts.replication.is_replicated(record)
    assert keep.artifacts.scrubbing.check(other).ok
    assert keep.artifacts.repairing.damaged() == [record]
    promote(keep, record)

    done = keep.artifacts.repairing.repair(record, "ann")

    assert (done.copied, done.restored, done.missing) == (("unique.txt",), (), ())
    assert keep.artifacts.replication.is_replicated(record)
    assert keep.artifacts.repairing.damaged() == []
    before = keep.content(record)
    keep.lose(record, "unique.txt")
    assert keep.artifacts.repairing.repair(record, "ann").restored == ("unique.txt",)
    assert keep.content(record) == before


def test_a_copy_that_two_versions_share_is_lost_to_both(local: Keep) -> None:
    one, other = local.register(), local.register()
    for each in (one, other):
        local.artifacts.replication.replicate(each)
    local.lose_copy(hashlib.sha256(local.content(one)["data/a.bin"]).hexdigest())
    assert not local.artifacts.scrubbing.check(one).ok
    assert local.artifacts.scrubbing.check(other).changes == (
        "replica: data/a.bin: content changed or missing",
    )
    local.artifacts.repairing.repair(one, "ann")
    assert local.artifacts.repairing.repair(other, "ann").copied == ()
    assert local.artifacts.replication.is_replicated(other)
    assert local.artifacts.repairing.damaged() == []


def test_a_whole_folder_comes_back_from_the_replica(keep: Keep) -> None:
    record = keep.register()
    before = keep.content(record)
    keep.artifacts.replication.replicate(record)
    for file in before:
        keep.lose(record, file)
    assert not keep.artifacts.scrubbing.check(record).ok
    assert keep.artifacts.repairing.repair(record, "ann").whole
    assert keep.content(record) == before
