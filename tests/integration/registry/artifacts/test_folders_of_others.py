"""A folder in which others keep their files is not registered, and never keeps them out."""

from __future__ import annotations

import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import text

from infra.stores.db import transaction
from registry.files.domain.storage_place import storage_place
from tests.integration.registry.artifacts.places import Keep
from tests.integration.registry.shelf import NAME

RUN = "0123456789abcdef" * 2


def protected(keep: Keep, uri: str) -> bool:
    return keep.artifacts.kit.registry.custody.protecting([storage_place(uri)]) is not None


@pytest.mark.parametrize(
    "path", ["", "/", "/1", "/1/models", f"/1/{RUN}", f"/1/{RUN}/artifacts", "/%31/"]
)
def test_a_folder_of_others_is_refused(remote: Keep, path: str) -> None:
    with transaction(remote.artifacts.kit.engine) as connection:
        connection.execute(
            text(
                "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage) "
                "VALUES (1, 'e', 'mlflow-artifacts:/1', 'active')"
            )
        )
    remote.register()
    for root in ("mlflow-artifacts:", remote.settings.artifacts_destination):
        with pytest.raises(MlflowException, match="expected a folder with nothing but") as refused:
            remote.shelf.store.create_model_version(NAME, f"{root}{path or '/'}")
        assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    assert len(remote.artifacts.kit.registry.versions.versions(NAME)) == 1


def test_one_that_plain_mlflow_registered_protects_its_own_files_alone(keep: Keep) -> None:
    kept = keep.register()
    store = keep.shelf.store
    root = keep.settings.artifacts_destination
    if not root.startswith("s3:"):
        (keep.settings.storage_root / "artifacts" / "9").mkdir(parents=True)
        (keep.settings.storage_root / "artifacts" / "9" / "f").write_text("theirs")
    made = SqlAlchemyStore.create_model_version(store, NAME, root)
    record = keep.artifacts.kit.registry.takeover.adopt(NAME, int(made.version), "ann")
    assert record.manifest_digest is not None
    named = keep.artifacts.kit.manifest(record).files[0].path
    assert protected(keep, f"mlflow-artifacts:/{named}")
    assert protected(keep, "mlflow-artifacts:/")
    assert protected(keep, f"{kept.source}/MLmodel")
    assert protected(keep, f"{kept.source}/new.py")
    assert not protected(keep, "mlflow-artifacts:/5/models/m-1/artifacts/MLmodel")
    assert not protected(keep, f"mlflow-artifacts:/9/{RUN}/artifacts/plot.png")


@pytest.mark.parametrize(
    "source",
    [
        "s3://other/team-b", "s3:///x", "dbfs:/x", "gs://b/x", "/etc", "file:///etc", "relative",
        "mlflow-artifacts:/1/../../x", "http://h/api/2.0/mlflow-artifacts/artifacts/1/m",
        "runs:/0123456789abcdef0123456789abcdef/model", "models:/m-gone",
    ],
)  # fmt: skip
def test_the_server_registers_nothing_from_a_foreign_store(
    remote: Keep, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setattr("registry.plugin.governed.in_server", True)
    remote.register()
    with pytest.raises(MlflowException) as refused:
        remote.shelf.store.create_model_version(NAME, source)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    assert "registry.source_refused" in str(refused.value) or "expected" in str(refused.value)
    assert len(remote.artifacts.kit.registry.versions.versions(NAME)) == 1
