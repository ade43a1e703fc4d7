"""Versions that lack something or are up to something, asked for on a real server."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from pipelines.steps.models import Recipe
from tests.support.credit import register, saved, unique
from tests.support.platform import Platform


def refusal(platform: Platform, name: str, number: int) -> str:
    with pytest.raises(MlflowException) as refused:
        platform.stage(name, number, "Production")
    assert refused.value.error_code == "PERMISSION_DENIED"
    return str(refused.value)


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.write_text, (self.target, "fired")


def test_a_malicious_pickle_is_refused_and_never_fires(platform: Platform, tmp_path: Path) -> None:
    name = unique("credit")
    marker = tmp_path / "marker"
    folder = shutil.copytree(saved(Recipe.BASELINE), tmp_path / "model")
    (folder / "model.skops").unlink()
    (folder / "model.pkl").write_bytes(pickle.dumps(Bomb(marker)))
    text = (folder / "MLmodel").read_text()
    text = text.replace("model.skops", "model.pkl").replace(
        "serialization_format: skops", "serialization_format: pickle"
    )
    (folder / "MLmodel").write_text(text)
    version = register(platform, name, folder=folder)
    assert "safety.artifact" in refusal(platform, name, version.number)
    assert not marker.exists()


def test_a_model_without_signature_stays_before_one_and_is_told_how_to_add_one(
    platform: Platform,
) -> None:
    name = unique("credit")
    version = register(platform, name, folder=saved(Recipe.BASELINE, signature=False))
    found = platform.client().get_model_version(name, str(version.number))
    assert found.tags["acgs.version"] == "0.1.0"
    text = refusal(platform, name, version.number)
    assert "transparency.signature" in text
    assert "infer_signature" in text


def test_a_version_without_run_is_told_to_log_inside_one(platform: Platform) -> None:
    name = unique("credit")
    client = platform.client()
    client.create_registered_model(name)
    experiment = client.create_experiment(unique("outside"))
    logged = client.create_logged_model(experiment, name="model")
    relative = logged.artifact_location.removeprefix("mlflow-artifacts:").strip("/")
    platform.put_artifacts(relative, saved(Recipe.BASELINE))
    client.finalize_logged_model(logged.model_id, "READY")
    created = client.create_model_version(name, logged.model_uri, model_id=logged.model_id)
    text = refusal(platform, name, int(created.version))
    assert "traceability.lineage" in text
    assert "no run" in text


def test_files_changed_after_registration_are_refused(platform: Platform) -> None:
    name = unique("credit")
    version = register(platform, name)
    relative = version.source.removeprefix("mlflow-artifacts:").strip("/")
    platform.change_artifact(f"{relative}/MLmodel", lambda data: data + b"# touched\n")
    text = refusal(platform, name, version.number)
    assert "artifact" in text
    assert "MLmodel: content changed" in text
