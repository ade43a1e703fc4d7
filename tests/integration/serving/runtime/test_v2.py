from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.integration.serving import models
from tests.integration.serving.runtime.conftest import Mixed
from tests.support.runtime import running

MODEL = "/v2/models/credit"


def columns(table: pd.DataFrame) -> list[dict[str, Any]]:
    datatypes = {"income": "FP64", "years": "INT64", "region": "BYTES", "owner": "BOOL"}
    return [
        {
            "name": name,
            "shape": [len(table)],
            "datatype": datatypes[name],
            "data": table[name].tolist(),
        }
        for name in table.columns
    ]


@pytest.mark.parametrize("path", [f"{MODEL}/infer", f"{MODEL}/versions/1.0.0/infer"])
def test_one_input_for_each_column_is_a_table(mixed: Mixed, path: str) -> None:
    runtime, expected, _ = mixed
    body = {
        "id": "r-1",
        "inputs": columns(models.applicants()),
        "parameters": {"content_type": "pd"},
    }
    answer = runtime.http.post(path, json=body).json()
    assert (answer["id"], answer["model_name"], answer["model_version"]) == (
        "r-1",
        "credit",
        "1.0.0",
    )
    assert answer["outputs"] == [
        {"name": "predict", "shape": [6], "datatype": "BYTES", "data": expected}
    ]


def test_columns_may_be_boxed_and_in_any_order(mixed: Mixed) -> None:
    runtime, expected, _ = mixed
    inputs = columns(models.applicants())[::-1]
    for tensor in inputs:
        tensor["shape"] = [6, 1]
    answer = runtime.http.post(f"{MODEL}/infer", json={"inputs": inputs}).json()
    assert answer["outputs"][0]["data"] == expected


def test_one_two_dimensional_tensor_is_read_in_signature_order(tmp_path: Path) -> None:
    model, features = models.save_classifier(tmp_path / "model")
    expected = model.predict(features[:5]).tolist()
    rows = features[:5].to_numpy()
    with running(tmp_path / "model", tmp_path / "run") as runtime:
        for data in (rows.tolist(), rows.ravel().tolist()):
            tensor = {"name": "x", "shape": [5, 30], "datatype": "FP64", "data": data}
            answer = runtime.http.post(f"{MODEL}/infer", json={"inputs": [tensor]}).json()
            assert answer["outputs"] == [
                {"name": "predict", "shape": [5], "datatype": "INT64", "data": expected}
            ]


def test_server_and_model_describe_themselves(mixed: Mixed) -> None:
    runtime, *_ = mixed
    assert runtime.http.get("/v2").json()["name"]
    for path in ["/v2/health/live", "/v2/health/ready", f"{MODEL}/ready"]:
        assert runtime.http.get(path).status_code == 200
    found = runtime.http.get(MODEL).json()
    assert found["versions"] == ["1.0.0"]
    assert {column["name"]: column["datatype"] for column in found["inputs"]} == {
        "income": "FP64",
        "years": "INT64",
        "region": "BYTES",
        "owner": "BOOL",
    }


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"shape": [7]}, "shape [7] holds 7 values, found 6"),
        ({"datatype": "FP128"}, "datatype: expected one of"),
        ({"name": "wage"}, "unknown columns ['wage'] and missing columns ['income']"),
        ({"data": ["a"] * 6}, "row 0, column 'income': expected a number"),
        ({"data": None}, "binary tensors are not supported"),
    ],
)
def test_a_bad_tensor_is_the_clients_error(mixed: Mixed, change: dict[str, Any], told: str) -> None:
    runtime, *_ = mixed
    inputs = columns(models.applicants())
    inputs[0] |= change
    answer = runtime.http.post(f"{MODEL}/infer", json={"inputs": inputs})
    assert answer.status_code == 400
    assert told in answer.json()["error"]
    assert answer.json()["status"]["status"] == "FAILURE"


@pytest.mark.parametrize("path", ["/v2/models/other/infer", f"{MODEL}/versions/2.0.0/infer"])
def test_another_model_or_version_is_not_found(mixed: Mixed, path: str) -> None:
    runtime, *_ = mixed
    assert runtime.http.post(path, json={}).status_code == 404
