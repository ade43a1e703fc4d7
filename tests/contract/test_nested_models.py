"""Models nested beyond all bounds are refused where they are registered, on every store."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from mlflow.exceptions import MlflowException

from pipelines.steps.models import Recipe
from tests.support.credit import register, saved, unique
from tests.support.platform import Platform

BRACKETS = "[" * 10_000 + "]" * 10_000


def _deep(platform: Platform, place: str) -> None:
    # As many as a key of S3 may have.
    platform.put_artifact(f"{place}/" + "d/" * 400 + "weights.bin", b"1")


def _mlmodel(change: Callable[[dict[str, Any]], object]) -> Callable[[Platform, str], None]:
    def put(platform: Platform, place: str) -> None:
        document = yaml.safe_load((saved(Recipe.BASELINE) / "MLmodel").read_text())
        change(document)
        platform.put_artifact(f"{place}/MLmodel", yaml.safe_dump(document).encode())

    return put


def _appended(text: str) -> Callable[[Platform, str], None]:
    def put(platform: Platform, place: str) -> None:
        honest = (saved(Recipe.BASELINE) / "MLmodel").read_text()
        platform.put_artifact(f"{place}/MLmodel", (honest + text).encode())

    return put


def _example(platform: Platform, place: str) -> None:
    info = {"artifact_path": "input_example.json", "type": "dataframe"}
    _mlmodel(lambda d: (d.pop("signature"), d.update(saved_input_example_info=info)))(
        platform, place
    )
    platform.put_artifact(f"{place}/input_example.json", BRACKETS.encode())


NESTED: dict[str, tuple[Callable[[Platform, str], None], str]] = {
    "folders": (_deep, "up to 32 folders inside of each other"),
    "MLmodel": (_appended(f"extra: {BRACKETS}\n"), "MLmodel: expected up to 64 levels"),
    "MLmodel by dashes": (_appended("extra:\n  " + "- " * 10_000 + "x\n"), "64 levels"),
    "MLmodel by anchors": (_appended("extra: &x [*x]\n"), "values, found more"),
    "MLmodel by size": (_appended("#" * 2_000_000), "up to 1048576 bytes"),
    "a signature": (
        _mlmodel(lambda d: d["signature"].update(inputs=BRACKETS)),
        "64 levels of nesting in the signature",
    ),
    "an example": (_example, "64 levels of nesting in input_example.json"),
}


@pytest.mark.parametrize("what", NESTED)
def test_nesting_is_refused_at_registration_with_what_to_do(
    platform: Platform, what: str, tmp_path: Path
) -> None:
    put, told = NESTED[what]
    client, name = platform.client(), unique("credit")
    client.create_registered_model(name)
    run = client.create_run(client.create_experiment(unique("nested")))
    place = run.info.artifact_uri.removeprefix("mlflow-artifacts:").strip("/") + "/model"
    platform.put_artifacts(place, saved(Recipe.BASELINE))
    put(platform, place)
    with pytest.raises(MlflowException) as refused:
        client.create_model_version(name, f"{run.info.artifact_uri}/model", run.info.run_id)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    assert told in str(refused.value)
    assert "log the model again" in str(refused.value)
    assert client.search_model_versions(f"name='{name}'") == []


def test_nesting_is_a_400_of_the_rest_interface(platform: Platform) -> None:
    client, name = platform.client(), unique("credit")
    client.create_registered_model(name)
    run = client.create_run(client.create_experiment(unique("nested")))
    place = run.info.artifact_uri.removeprefix("mlflow-artifacts:").strip("/") + "/model"
    platform.put_artifacts(place, saved(Recipe.BASELINE))
    _deep(platform, place)
    answer = httpx.post(
        f"{platform.url}/api/2.0/mlflow/model-versions/create",
        content=json.dumps({"name": name, "source": f"{run.info.artifact_uri}/model"}),
        headers={"Content-Type": "application/json"},
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code == 400, answer.text
    # A healthy model is registered as before.
    assert register(platform, name).number == 1
