"""An object store that is away while versions are registered and asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from infra.servers.s3 import S3
from infra.settings import Settings
from infra.stores import object_store
from infra.stores.object_store import ObjectStore
from registry.bootstrap import registry_on
from registry.plugin.store import GovernedStore
from tests.ports import free_port
from tests.support.stores import Databases, Kind

NAME = "credit-away"


@pytest.fixture
def settings(
    databases: Databases, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(object_store, "ATTEMPTS", 1)
    return Settings(
        storage_root=tmp_path,
        database_url=databases.new(Kind.SQLITE),
        artifact_root=f"s3://{s3.new_bucket()}/acgs",
        s3_endpoint=s3.endpoint,
    )


@pytest.fixture
def source(settings: Settings) -> str:
    """A model's files in the store."""
    uri = f"{settings.artifact_root}/model"
    ObjectStore.of(settings, uri).write("MLmodel", b"flavors: {}\n")
    return uri


@pytest.fixture
def store(settings: Settings) -> Iterator[GovernedStore]:
    opened = GovernedStore(settings)
    opened.create_registered_model(NAME)
    yield opened
    opened.registry.engine.dispose()
    opened.engine.dispose()


def test_a_registration_that_meets_a_store_which_is_away_can_be_sent_again(
    store: GovernedStore, source: str, settings: Settings
) -> None:
    here = store.registry
    away = replace(settings, s3_endpoint=f"http://127.0.0.1:{free_port()}")
    store.registry = registry_on(here.engine, away)
    with pytest.raises(MlflowException, match="did not answer") as told:
        store.create_model_version(NAME, source)
    assert told.value.error_code == "TEMPORARILY_UNAVAILABLE"
    assert list(store.search_model_versions()) == []
    store.registry = here
    made = store.create_model_version(NAME, source)
    assert int(made.version) == 1
    assert store.registry.versions.find_version(NAME, "1").manifest_digest


def test_files_that_may_not_be_read_close_the_gate_and_say_why(
    store: GovernedStore, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    store.create_model_version(NAME, source)
    with pytest.raises(MlflowException, match="refused the credentials") as told:
        store.transition_model_version_stage(NAME, "1", "Production", False)
    assert told.value.error_code == "PERMISSION_DENIED"
