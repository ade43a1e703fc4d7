"""Artifacts through the server's proxy, as MLflow's clients send and fetch them."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx
import mlflow
import pytest

from tests.support.credit import register, unique
from tests.support.platform import Platform

HEALTHY_SECONDS = 120
AWKWARD = ("plain.txt", "with space.txt", "ünï.txt", "a+b&c=d.txt", "n" * 200)


@pytest.fixture(autouse=True)
def _tracking(platform: Platform) -> None:
    mlflow.set_tracking_uri(platform.url)
    mlflow.set_registry_uri(platform.url)


def new_run(platform: Platform) -> str:
    client = platform.client()
    experiment = client.create_experiment(unique("artifacts"))
    return str(client.create_run(experiment).info.run_id)


def put(platform: Platform, path: str) -> httpx.Response:
    url = f"{platform.url}/api/2.0/mlflow-artifacts/artifacts/{path}"
    return httpx.put(url, content=b"x", timeout=60, trust_env=False)


def test_what_was_logged_is_listed_and_comes_back_as_it_was(
    platform: Platform, tmp_path: Path
) -> None:
    client, run_id = platform.client(), new_run(platform)
    source = tmp_path / "source"
    (source / "deep" / "er").mkdir(parents=True)
    for name in AWKWARD:
        (source / "deep" / name).write_bytes(name.encode())
    (source / "deep" / "er" / "large.bin").write_bytes(bytes(range(256)) * 50_000)
    (source / "empty").write_bytes(b"")
    client.log_artifacts(run_id, str(source))
    listed = {item.path: item.file_size for item in client.list_artifacts(run_id, "deep")}
    assert set(listed) == {f"deep/{name}" for name in (*AWKWARD, "er")}
    back = Path(client.download_artifacts(run_id, "", str(tmp_path)))
    for file in source.rglob("*"):
        if file.is_file():
            assert (back / file.relative_to(source)).read_bytes() == file.read_bytes()


def test_an_artifact_that_is_not_there_is_said_to_be_missing(
    platform: Platform, tmp_path: Path
) -> None:
    url = f"{platform.url}/api/2.0/mlflow-artifacts/artifacts/0/{new_run(platform)}/nothing"
    answer = httpx.get(url, timeout=60, trust_env=False)
    assert answer.status_code == 404, answer.text
    assert answer.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize(
    "path", ["%2e%2e/x", "/etc/x", "a%2f..%2f..%2fx", "a/%2e%2e/%2e%2e/x", "%2fetc%2fx"]
)
def test_a_path_outside_the_root_is_refused(platform: Platform, path: str) -> None:
    answer = put(platform, path)
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


def test_a_name_that_no_store_holds_is_a_clear_refusal(platform: Platform) -> None:
    answer = put(platform, f"0/{'n' * 1100}")
    assert answer.status_code == 400
    assert "shorter" in answer.json()["message"]


def test_a_version_resolves_by_number_semver_and_alias_and_loads(platform: Platform) -> None:
    name = unique("credit")
    version = register(platform, name)
    platform.stage(name, version.number, "Production")
    for uri in ("1", "1.0.0", "Production"):
        assert mlflow.pyfunc.load_model(f"models:/{name}/{uri}").metadata.get_input_schema()
    for alias in ("champion", "1.0.0"):
        assert mlflow.artifacts.list_artifacts(f"models:/{name}@{alias}")


def test_the_platform_is_healthy_and_its_schema_as_expected(platform: Platform) -> None:
    limit = time.monotonic() + HEALTHY_SECONDS
    while True:
        health = json.loads(platform.acgs("health", "--json").stdout)
        # On a machine that is busy with other tests a probe may give up now and then.
        if health["ok"] or time.monotonic() > limit:
            break
    assert health["ok"], health
    assert {"database", "artifact-store", "schema"} <= {p["probe"] for p in health["probes"]}
