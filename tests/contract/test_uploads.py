"""Versions whose files were uploaded through the server and then changed past it."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.files.adapters.artifact_files import build_manifest
from tests.support.credit import unique
from tests.support.platform import Platform

LARGE = 9 << 20
"""S3 takes it in several parts."""


@pytest.mark.parametrize("swapped", ["", "MLmodel", "weights.bin"])
def test_a_version_has_the_digest_of_what_is_stored_when_it_is_registered(
    platform: Platform, tmp_path: Path, swapped: str
) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    (tmp_path / "weights.bin").write_bytes(bytes(LARGE))
    client = platform.client()
    run = client.create_run(client.create_experiment(unique("uploads"))).info
    client.log_artifacts(run.run_id, str(tmp_path), "model")
    source = f"{run.artifact_uri}/model"
    if swapped:
        file = tmp_path / swapped
        file.write_bytes(b"g" + file.read_bytes()[1:])
        relative = f"{source.removeprefix('mlflow-artifacts:/').lstrip('/')}/{swapped}"
        platform.change_artifact(relative, lambda _: file.read_bytes())
    name = unique("credit-uploaded")
    client.create_registered_model(name)
    version = client.create_model_version(name, source, run.run_id)
    assert version.tags["acgs.digest"] == build_manifest(tmp_path).digest
    again = client.get_model_version(name, version.version)
    assert (again.tags, again.description) == (version.tags, version.description)
