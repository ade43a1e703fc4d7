"""The files of a registered version do not change through the server, whatever the spelling."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import mlflow
import pytest
import requests
from mlflow.exceptions import MlflowException

from pipelines.steps.models import Recipe
from registry.settings import RegistrySettings
from tests.support.credit import Registered, content, place, register, saved, unique
from tests.support.platform import Platform

API = "/api/2.0/mlflow-artifacts"
AJAX = "/ajax-api/2.0/mlflow-artifacts"


@pytest.fixture(scope="module")
def credit(platform: Platform) -> Registered:
    return register(platform, unique("credit"))


@pytest.fixture
def http(platform: Platform) -> Any:
    with httpx.Client(base_url=platform.url, trust_env=False) as client:
        yield client


def escaped(path: str) -> str:
    return "".join(f"%{byte:02x}" for byte in path.encode())


def spellings(path: str) -> list[str]:
    parent, _, name = path.rpartition("/")
    return [
        path,
        f"{parent}//{name}",
        f"{parent}/./{name}",
        f"{parent}/x/../{name}",
        f"{parent}/x/%2e%2e/{name}",
        f"{parent}/x/%252e%252e/{name}",
        escaped(path),
        f"file:{path}",
        f"file%3A{path}",
        f"/{path}",
        f"{path}/",
    ]


@pytest.mark.parametrize("prefix", [API, AJAX])
def test_no_spelling_writes_or_deletes_a_file_of_a_registered_version(
    platform: Platform, http: httpx.Client, credit: Registered, prefix: str
) -> None:
    before = content(platform, credit)
    for path in spellings(f"{place(credit)}/MLmodel"):
        for status in (
            raw(platform, "PUT", f"{prefix}/artifacts/{path}", b"evil"),
            raw(platform, "DELETE", f"{prefix}/artifacts/{path}", b""),
        ):
            assert status in {400, 403, 404}, path
    answer = http.put(f"{prefix}/artifacts/{place(credit)}/new.py", content=b"evil")
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert "is registered, and its files do not change" in answer.json()["message"]
    assert content(platform, credit) == before


def raw(platform: Platform, method: str, target: str, body: bytes) -> int:
    """Send a target exactly as it is written; clients resolve `..` themselves."""
    import http.client

    connection = http.client.HTTPConnection(
        "127.0.0.1", platform.settings.of(RegistrySettings).port
    )
    try:
        connection.request(method, target, body)
        return connection.getresponse().status
    finally:
        connection.close()


def test_no_folder_around_it_can_be_deleted(
    platform: Platform, http: httpx.Client, credit: Registered
) -> None:
    before = content(platform, credit)
    parts = place(credit).split("/")
    for count in range(1, len(parts) + 1):
        answer = http.delete(f"{API}/artifacts/{'/'.join(parts[:count])}")
        assert answer.status_code == 403, answer.text
    assert content(platform, credit) == before


def test_a_multipart_upload_below_it_is_refused(http: httpx.Client, credit: Registered) -> None:
    folder, _, name = place(credit).rpartition("/")
    for path, file in (
        (place(credit), "/tmp/MLmodel"),
        (folder, name),
        (folder, f"{name}/MLmodel"),
        (folder, f"x/../{name}/MLmodel"),
    ):
        for action in ("create", "complete"):
            body = {"path": file, "num_parts": 1, "upload_id": "x", "parts": []}
            answer = http.post(f"{API}/mpu/{action}/{path}", json=body)
            assert answer.status_code == 403, (path, file, answer.text)


def test_the_upload_route_of_the_pages_is_refused(
    platform: Platform, http: httpx.Client, credit: Registered
) -> None:
    route = "/ajax-api/2.0/mlflow/upload-artifact"
    other = platform.client().create_run("0").info.run_id
    for query in (
        [("run_uuid", credit.run_id), ("path", "model/MLmodel")],
        [("run_uuid", credit.run_id), ("run_uuid", other), ("path", "model/MLmodel")],
        [("run_uuid", credit.run_id), ("path", "model/%4DLmodel")],
    ):
        answer = http.post(route, params=httpx.QueryParams(urlencode(query)), content=b"evil")
        assert answer.status_code == 403, answer.text
    answer = http.post(
        route, params={"run_uuid": credit.run_id, "path": "notes.txt"}, content=b"fine"
    )
    assert answer.status_code == 200, answer.text


def test_a_presigned_upload_below_it_is_refused(http: httpx.Client, credit: Registered) -> None:
    for fields in ({"run_id": credit.run_id}, {"runId": credit.run_id}):
        answer = http.post(
            "/api/2.0/mlflow/artifacts/presigned-upload-url", json={**fields, "path": "model/x"}
        )
        assert answer.status_code == 403, answer.text


def test_other_files_of_the_run_and_other_models_are_still_written(
    platform: Platform, credit: Registered, tmp_path: Path
) -> None:
    client = platform.client()
    client.log_text(credit.run_id, "more", "reports/later.txt")
    client.log_text(credit.run_id, "more", "model-notes.txt")
    client.log_text(credit.run_id, "more", "model2/MLmodel")
    run = client.get_run(credit.run_id)
    assert {f.path for f in client.list_artifacts(run.info.run_id)} >= {
        "reports", "model-notes.txt", "model2",
    }  # fmt: skip
    plain = register(platform, unique("plain"), Recipe.BASELINE)
    client.log_text(plain.run_id, "nobody governs this", "model/MLmodel")


def test_deleting_what_a_registered_version_came_from_is_refused(
    platform: Platform, http: httpx.Client, credit: Registered
) -> None:
    client = platform.client()
    with pytest.raises(MlflowException, match="is registered") as refused:
        client.delete_run(credit.run_id)
    assert refused.value.error_code == "PERMISSION_DENIED"
    double = f'"{{\\"run_id\\": \\"{credit.run_id}\\"}}"'
    assert http.post("/api/2.0/mlflow/runs/delete", content=double).status_code == 403
    experiment = client.get_run(credit.run_id).info.experiment_id
    with pytest.raises(MlflowException, match="is registered"):
        client.delete_experiment(experiment)
    free = client.create_run(experiment).info.run_id
    client.delete_run(free)


def numbers(number: int) -> list[object]:
    """What Python reads as this number."""
    text = str(number)
    arabic = text.translate({ord("0") + digit: 0x0660 + digit for digit in range(10)})
    return [
        number, text, f" {text}", f"{text}\n", f"+{text}", f"00{text}", "_".join(f"0{text}"),
        arabic, f"\u2003{text}",
    ]  # fmt: skip


def test_no_spelling_deletes_the_experiment_that_a_registered_version_came_from(
    platform: Platform, http: httpx.Client, credit: Registered
) -> None:
    experiment = platform.client().get_run(credit.run_id).info.experiment_id
    bodies: list[dict[str, object]] = [
        *({"experiment_id": spelled} for spelled in numbers(int(experiment))),
        {"experimentId": experiment},
        {"experiment_id": "", "experimentId": experiment},
        {"experiment_id": "999999", "experimentId": experiment},
        {"experimentId": "999999", "experiment_id": experiment},
    ]
    for body in bodies:
        answer = http.post("/api/2.0/mlflow/experiments/delete", json=body)
        assert answer.status_code in {400, 403, 404}, body
        stage = platform.client().get_experiment(experiment).lifecycle_stage
        assert stage == "active", body


def test_a_logged_model_is_registered_as_ever_and_then_kept(
    platform: Platform, tmp_path: Path
) -> None:
    mlflow.set_tracking_uri(platform.url)
    mlflow.set_registry_uri(platform.url)
    client, name = platform.client(), unique("credit")
    model = mlflow.initialize_logged_model(name="m")
    client.log_model_artifacts(model.model_id, str(saved(Recipe.BASELINE)))
    mlflow.finalize_logged_model(model.model_id, "READY")
    client.create_registered_model(name)
    client.create_model_version(name, f"models:/{model.model_id}", model_id=model.model_id)
    with pytest.raises(MlflowException, match="is registered"):
        client.delete_logged_model(model.model_id)
    evil = tmp_path / "evil.txt"
    evil.write_text("evil")
    with pytest.raises(requests.HTTPError, match="is registered"):
        client.log_model_artifact(model.model_id, str(evil))


def test_mlflow_gc_cannot_delete_what_was_marked_before(platform: Platform) -> None:
    """A run that was deleted before its files were registered is spared by `mlflow gc`."""
    client = platform.client()
    version = register(platform, unique("plain"))
    client.delete_run(version.run_id)
    name = unique("credit")
    client.create_registered_model(name)
    client.create_model_version(name, version.source, run_id=version.run_id)
    before = content(platform, version)
    answer = subprocess.run(
        [
            sys.executable, "-m", "mlflow", "gc", "--run-ids", version.run_id,
            "--backend-store-uri", platform.settings.sqlalchemy_url,
            "--tracking-uri", platform.url,
        ],
        env={**os.environ, "MLFLOW_TRACKING_URI": platform.url},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert answer.returncode != 0
    assert "is registered, and its files do not change" in answer.stderr
    assert content(platform, version) == before


def test_once_the_version_is_deleted_its_files_may_go(platform: Platform) -> None:
    version = register(platform, unique("credit"))
    client = platform.client()
    client.delete_model_version(version.name, str(version.number))
    client.log_text(version.run_id, "free again", "model/MLmodel")
