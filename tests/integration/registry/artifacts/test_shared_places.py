"""Retention frees no file of a version that is kept, however the folder it is in was named."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta

import pytest
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

from infra.clock import utc_now
from registry.artifacts.adapters.kept_objects import KeptObjects
from registry.artifacts.bootstrap import Artifacts, artifacts_of
from registry.domain.records import VersionRecord
from tests.integration.registry.artifacts.places import FILES, Bucket, Folder, Keep
from tests.integration.registry.shelf import NAME

OTHER = "observed-other"
Spelling = Callable[[Keep, VersionRecord], str]


def real(keep: Keep, folder: str) -> str:
    """The folder as it is called without the proxy."""
    if isinstance(keep.place, Bucket):
        return f"s3://{keep.place.bucket}/root/1/{folder}".rstrip("/")
    assert isinstance(keep.place, Folder)
    return str(keep.place.root / folder).rstrip("/")


def through_a_link(keep: Keep, kept: VersionRecord) -> str:
    if not isinstance(keep.place, Folder):
        return f"mlflow-artifacts:/%31/{keep.folder(kept)}"
    link = keep.settings.storage_root / "link"
    os.symlink(keep.place.root, link)
    return f"{link}/{keep.folder(kept)}"


SPELLINGS: dict[str, Spelling] = {
    "the folder itself": lambda keep, kept: real(keep, keep.folder(kept)),
    "with a slash": lambda keep, kept: real(keep, keep.folder(kept)) + "/",
    "the folder around it": lambda keep, _: real(keep, ""),
    "a folder below it": lambda keep, kept: real(keep, f"{keep.folder(kept)}/data"),
    "another way": through_a_link,
}


def long_after(keep: Keep) -> Artifacts:
    registry = keep.artifacts.kit.registry
    return artifacts_of(keep.settings, registry, clock=lambda: utc_now() + timedelta(days=100))


def deleted(keep: Keep, source: str) -> VersionRecord:
    """Register a folder once more under another name, and delete that version."""
    record = keep.shelf.register(name=OTHER, source=source)
    assert record.manifest_digest is not None
    keep.shelf.store.delete_model_version(OTHER, str(record.version))
    return record


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_folder_is_not_freed_under_another_name(keep: Keep, spelling: str) -> None:
    kept = keep.register()
    keep.artifacts.kit.registry.custody.hold(kept, "case 7", "lea", utc_now())
    deleted(keep, SPELLINGS[spelling](keep, kept))
    assert list(long_after(keep).retention.expire("ann")) == []
    assert keep.artifacts.scrubbing.check(kept).ok
    keep.artifacts.kit.registry.custody.release(kept, "closed", "lea", utc_now())
    assert len(list(long_after(keep).retention.expire("ann"))) == 2
    assert keep.place.names(keep.folder(kept)) == set()


def test_a_version_that_plain_mlflow_registered_keeps_its_folder(keep: Keep) -> None:
    kept = keep.register()
    keep.shelf.store.delete_model_version(NAME, str(kept.version))
    keep.shelf.store.create_registered_model("plain")
    SqlAlchemyStore.create_model_version(
        keep.shelf.store, "plain", real(keep, f"{keep.folder(kept)}/data")
    )
    then = long_after(keep)
    assert list(then.retention.expire("ann")) == []
    (said,) = then.retention.decisions()
    assert said.reasons == ("its files lie with those of plain version 1, which are kept",)
    assert keep.place.names(keep.folder(kept)) == {*FILES, "unique.txt"}


def test_an_expiry_that_was_killed_leaves_what_was_registered_since(keep: Keep) -> None:
    first = keep.register()
    then = long_after(keep)
    assert then.retention._record(first.uid, "ann", KeptObjects()) is not None
    since = keep.shelf.register(name=OTHER, source=real(keep, f"{keep.folder(first)}/data"))
    keep.artifacts.kit.registry.custody.hold(since, "case 7", "lea", utc_now())
    list(then.retention.expire("ann"))
    left = keep.place.names(keep.folder(first))
    assert left == {name for name in FILES if name.startswith("data/")}
    assert keep.artifacts.scrubbing.check(since).ok


def test_a_decision_does_not_free_an_object_that_a_kept_version_names(
    local: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the decision were wrong about the folders."""
    kept = local.register()
    local.artifacts.kit.registry.custody.hold(kept, "case 7", "lea", utc_now())
    deleted(local, real(local, local.folder(kept)))
    monkeypatch.setattr("registry.artifacts.domain.retention._shared", lambda *_: {})
    then = long_after(local)
    assert [d.free for d in then.retention.decisions()] == [False, True]
    assert list(then.retention.expire("ann")) == []
    assert local.artifacts.scrubbing.check(kept).ok
