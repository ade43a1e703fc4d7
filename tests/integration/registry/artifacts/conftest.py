"""Artifact keeping over both kinds of stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.servers.s3 import S3
from infra.settings import Settings
from registry.artifacts.bootstrap import artifacts_of
from registry.artifacts.settings import ArtifactSettings
from registry.plugin.store import GovernedStore
from tests.integration.registry.artifacts.places import Bucket, Folder, Keep, Place
from tests.integration.registry.shelf import Shelf
from tests.support.platform import write_constitution
from tests.support.stores import Databases, Kind


def opened(settings: Settings, place: Place) -> Keep:
    write_constitution(settings.storage_root)
    store = GovernedStore(settings)
    shelf = Shelf(settings.storage_root, store)
    return Keep(place, artifacts_of(settings, store.registry), shelf)


@pytest.fixture
def local(tmp_path: Path, databases: Databases) -> Keep:
    """Files and replica in folders, SQLite."""
    settings = Settings(
        storage_root=tmp_path / "root",
        database_url=databases.new(Kind.SQLITE),
    ).having(ArtifactSettings(replica=str(tmp_path / "replica")))
    return opened(settings, Folder(tmp_path / "files"))


@pytest.fixture
def remote(tmp_path: Path, databases: Databases, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Keep:
    """Files and replica in buckets, PostgreSQL."""
    return in_buckets(tmp_path, databases, s3, monkeypatch)


def in_buckets(
    tmp_path: Path,
    databases: Databases,
    s3: S3,
    monkeypatch: pytest.MonkeyPatch,
    *,
    object_lock: bool = False,
) -> Keep:
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    bucket = s3.new_bucket(object_lock=object_lock)
    settings = Settings(
        storage_root=tmp_path / "root",
        database_url=databases.new(Kind.POSTGRES),
        artifact_root=f"s3://{bucket}/root",
        s3_endpoint=s3.endpoint,
    ).having(ArtifactSettings(replica=f"s3://{s3.new_bucket()}/replica"))
    return opened(settings, Bucket(s3.client(), bucket))


@pytest.fixture(params=["local", "remote"])
def keep(request: pytest.FixtureRequest) -> Keep:
    """Both pairs of stores, one after the other."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Keep)
    return found
