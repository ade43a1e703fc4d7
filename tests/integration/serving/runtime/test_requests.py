"""Requests that are no requests: the client hears a 4xx, and quickly, whatever it sends."""

from __future__ import annotations

import gzip
import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest

from tests.integration.serving import models  # noqa: F401 - MLflow warns when it is imported
from tests.integration.serving.runtime.test_right_answers import save
from tests.support.runtime import Runtime, running

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from mlflow.models import infer_signature

INFER = "/v2/models/credit/infer"
GOOD = {"data": {"names": ["0", "2", "1"], "ndarray": [[1.0, "a", 3]]}}
TENSORS = [
    {"name": "0", "shape": [1], "datatype": "FP64", "data": [1.0]},
    {"name": "1", "shape": [1], "datatype": "INT64", "data": [3]},
    {"name": "2", "shape": [1], "datatype": "BYTES", "data": ["a"]},
]
SEEN = [
    ["0", "float64", ["float 0x1.0000000000000p+0"]],
    ["1", "int64", ["int 3"]],
    ["2", "text", ["str 'a'"]],
]


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    folder = tmp_path_factory.mktemp("echo")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = pd.DataFrame({0: [0.5], 1: np.array([1], np.int64), 2: ["a"]})
        inputs = infer_signature(table).inputs
    with running(Path(save(folder / "model", inputs)), folder / "run") as runtime:
        yield runtime


def seen(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return json.loads(found["strData"] if "strData" in found else found["outputs"][0]["data"][0])


@pytest.mark.parametrize(
    "body",
    [
        GOOD,
        {"data": {"ndarray": [[1.0, 3, "a"]]}},
        {"jsonData": [{"2": "a", "0": 1.0, "1": 3}]},
        {"jsonData": {"dataframe_split": {"columns": [2, 1, 0], "data": [["a", 3, 1.0]]}}},
        {"inputs": TENSORS[::-1]},
    ],
)
def test_columns_called_by_numbers_are_named_columns(echo: Runtime, body: dict[str, Any]) -> None:
    path = INFER if "inputs" in body else "/predict"
    assert seen(echo.http.post(path, json=body)) == SEEN


def test_the_metadata_names_columns_called_by_numbers(echo: Runtime) -> None:
    for path in ("/v2/models/credit", "/metadata"):
        found = echo.http.get(path).json()["inputs"]
        assert [column["name"] for column in found] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"names": ["0", "0", "1"], "ndarray": [[1, 1, 1]]}, "['0'] more than once"),
        ({"name": ["0", "2", "1"], "ndarray": [[1, "a", 3]]}, "expected ndarray or tensor"),
        ({"ndarray": [[1, 3, "a"]], "tensor": {}}, "expected ndarray or tensor"),
        ({"names": ["0", 2, "1"], "ndarray": [[1, "a", 3]]}, "number 2 in it"),
        ({"names": {"0": 1}, "ndarray": [[1, "a", 3]]}, "found object of 1"),
        ({"ndarray": [[[1], 3, "a"]]}, "row 0, column '0': expected a number (double), found list"),
        ({"ndarray": [[1, {"a": 1}, "a"]]}, "found object of 1"),
        ({"ndarray": [[1, 3, "a"], [2, 2**53 + 0.0, "a"]]}, "row 1, column '1'"),
        ({"ndarray": [[1, 3, "a"], [1, 3, ["x" * 10_000]]]}, "found list of 1"),
        ({"tensor": {"shape": [1, -3], "values": [1, 2, 3]}}, "number -3 in it"),
        ({"tensor": {"shape": [1] * 10_000, "values": [1]}}, "at most 32 lengths"),
        ({"tensor": {"shape": [10**12, 10**12], "values": [1]}}, "found 1"),
        ({"tensor": {"shape": [3], "values": [[1], [2], [3]]}}, "flat data or shape [3]"),
        ({"tensor": {"shape": [1, 3], "values": [1, True, 3]}}, "column '1'"),
        ({"tensor": {"shape": [0, 3], "values": []}}, "at least one row"),
    ],
)
def test_a_mistake_is_named_without_repeating_the_body(
    echo: Runtime, data: dict[str, Any], told: str
) -> None:
    answer = echo.predict(data)
    assert answer.status_code == 400, answer.text
    assert told in answer.json()["status"]["info"]
    assert len(answer.text) < 500


@pytest.mark.parametrize(
    "change",
    [
        {"datatype": "UINT8", "data": [256]},
        {"datatype": "INT8", "data": [-129]},
        {"datatype": "UINT64", "data": [-1]},
        {"datatype": "FP16", "data": [70000.0]},
        {"datatype": "FP32", "data": [1e39]},
        {"datatype": "BOOL", "data": [2]},
        {"datatype": "INT64", "data": [True]},
        {"datatype": "INT64", "data": [1.5]},
        {"datatype": "FP64", "data": [True]},
        {"datatype": "BYTES", "data": [1]},
        {"datatype": ["FP64"]},
        {"shape": [-1]},
        {"shape": [1, 2]},
        {"shape": [10**30]},
        {"shape": [1.0]},
        {"shape": [True]},
        {"shape": []},
        {"data": [[1.0], [2.0]]},
        {"data": [[[1.0]]]},
        {"name": "1"},
        {"name": 0},
        {"parameters": {"content_type": "base64"}},
        {"datatype": "BYTES", "data": ["no base64"], "parameters": {"content_type": "base64"}},
    ],
)
def test_a_v2_tensor_keeps_its_promises_or_is_refused(
    echo: Runtime, change: dict[str, Any]
) -> None:
    answer = echo.http.post(INFER, json={"inputs": [TENSORS[0] | change, *TENSORS[1:]]})
    assert answer.status_code == 400, answer.text
    assert len(answer.text) < 1500


def test_base64_in_v2_is_decoded_once(echo: Runtime) -> None:
    coded = TENSORS[2] | {"data": ["YQ=="], "parameters": {"content_type": "base64"}}
    assert seen(echo.http.post(INFER, json={"inputs": [*TENSORS[:2], coded]})) == SEEN


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": {"ndarray": [[1, 3, "a"]], "ndarray": [[2, 3, "a"]]}}',
        b'{"data": {"ndarray": [[1, 3, "a"]]}, "jsonData": [[2, 3, "a"]]}',
        b'{"data": {"ndarray": [[1, 3, "\xe4"]]}}',
        '{"data": {"ndarray": [[1, 3, "a"]]}}'.encode("utf-16"),
        b'{"data": {"ndarray": [[1, 3, "a"]]}} {}',
        b'{"data": {"ndarray": [[1, 3, "a\x00"]]}}',
        b'{"data": {"ndarray": [[Infinity, 3, "a"]]}}',
        b'{"data": {"ndarray": [[1e999999999, 3, "a"]]}}',
        b'{"data": {"ndarray": [[1, ' + b"9" * 100_000 + b', "a"]]}}',
        b'{"data": {"ndarray": ' + b"[" * 10_000 + b"]" * 10_000 + b"}}",
        b'{"data": {"ndarray": [[1, 3, ' + b"[" * 900 + b"]" * 900 + b"]]}}",
        b'{"data": {"ndarray": [[1, 3, "a"]]}, "meta": {"tags": {"a": 1e400}}}',
        b'{"data": {"ndarray": [[1, 3, "a"]]}, "meta": {"tags": {"a": '
        + b"[" * 90
        + b"]" * 90
        + b"}}}",
        b'{"data": {"ndarray": [[1, 3, "a"]]}, "meta": {"puid": " a"}}',
        b'{"data": {"ndarray": [[1, 3, "a"]]}, "meta": {"puid": "' + b"a" * 300 + b'"}}',
        b'{"strData": "x"}',
        b'{"binData": "AAEC"}',
        b'{"customData": {}}',
        b"json=%7B",
        b"json=1&json=2",
    ],
)
def test_a_body_that_readers_understand_differently_is_refused_at_once(
    echo: Runtime, body: bytes
) -> None:
    started = time.monotonic()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = echo.http.post("/predict", content=body, headers=headers)
    assert answer.status_code == 400, answer.text
    assert answer.json()["status"]["reason"] == "MICROSERVICE_BAD_DATA"
    assert time.monotonic() - started < 5
    assert len(answer.text) < 1000


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", json.dumps(GOOD).encode()),
        ("application/json; charset=UTF-8", b"\xef\xbb\xbf" + json.dumps(GOOD).encode()),
        ("text/plain", json.dumps(GOOD).encode()),
        ("application/x-www-form-urlencoded", json.dumps(GOOD).encode()),
        ("application/x-www-form-urlencoded", b"json=" + quote(json.dumps(GOOD)).encode()),
        ("", json.dumps(GOOD).encode()),
    ],
)
def test_json_is_read_whatever_its_sender_calls_it(
    echo: Runtime, content_type: str, body: bytes
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    assert seen(echo.http.post("/predict", content=body, headers=headers)) == SEEN


@pytest.mark.parametrize(
    "headers", [{"content-encoding": "gzip"}, {"content-type": "application/json; charset=latin-1"}]
)
def test_another_coding_or_charset_is_a_415(echo: Runtime, headers: dict[str, str]) -> None:
    answer = echo.http.post("/predict", content=gzip.compress(b"{}"), headers=headers)
    assert answer.status_code == 415
    assert next(iter(headers)) in answer.json()["status"]["info"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "BREW"])
def test_another_method_is_a_405_that_names_the_right_one(echo: Runtime, method: str) -> None:
    answer = echo.http.request(method, "/predict")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert 'method="brew"' not in echo.http.get("/metrics").text


@pytest.mark.parametrize(
    "reward",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "1e39",
        "1" + "0" * 400,
        '"1"',
        "true",
        "null",
        "[1]",
    ],
)
def test_a_reward_is_a_finite_number(echo: Runtime, reward: str) -> None:
    answer = echo.http.post("/send-feedback", content=f'{{"reward": {reward}}}')
    assert answer.status_code == 400, answer.text
    page = echo.http.get("/metrics").text
    (total,) = [line for line in page.splitlines() if "feedback_reward_total{" in line]
    assert total.endswith(" 0.0")


def test_meta_comes_back_as_it_was_sent(echo: Runtime) -> None:
    tags = {"id": 2**53 + 1, "nested": {"a": [1.5, None, True, "grün"]}}
    answer = echo.http.post("/predict", json=GOOD | {"meta": {"puid": "p 1", "tags": tags}})
    assert answer.json()["meta"]["tags"] == tags | {"model_version": "1.0.0"}
    assert answer.headers["seldon-puid"] == answer.json()["meta"]["puid"] == "p 1"
