from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.serving import models
from tests.support.runtime import Runtime, running

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema


def test_a_model_with_type_hints_gets_what_its_hints_say(tmp_path: Path) -> None:
    models.save_hinted(tmp_path / "model")
    with running(tmp_path / "model", tmp_path / "run") as runtime:
        for body in ({"jsonData": ["a", "b"]}, {"data": {"ndarray": [["a"], ["b"]]}}):
            answer = runtime.http.post("/predict", json=body)
            assert answer.json()["data"]["ndarray"] == ["A", "B"], answer.text
        wrong = runtime.http.post("/predict", json={"jsonData": ["a", 2]})
        assert wrong.status_code == 400
        assert (
            "row 1, column '0': expected a string (string), found number 2"
            in (wrong.json()["status"]["info"])
        )


def test_a_column_of_lists_is_checked_and_parameters_default(tmp_path: Path) -> None:
    models.save_nested(tmp_path / "model")
    with running(tmp_path / "model", tmp_path / "run") as runtime:
        records = [{"values": [1.0, 2.0]}, {"values": [3.5]}]
        answer = runtime.http.post("/predict", json={"jsonData": records})
        assert answer.json()["data"]["tensor"]["values"] == [6.0, 7.0], answer.text
        wrong = runtime.http.post("/predict", json={"jsonData": [{"values": ["a"]}]})
        assert wrong.status_code == 400
        told = "row 0, column 'values', at [0]: expected a number (double), found string 'a'"
        assert told in wrong.json()["status"]["info"]


@pytest.mark.parametrize(
    ("hint", "example", "asked", "seen"),
    [
        ("list[dict[str, Any]]", None, [{"a": 1}, {"b": [2**60]}], [{"a": 1}, {"b": [2**60]}]),
        ("TypeFromExample", ["a"], ["x", "y"], ["x", "y"]),
    ],
)
def test_a_hint_gets_the_values_as_plain_mlflow_hands_them_over(
    tmp_path: Path, hint: str, example: object, asked: object, seen: object
) -> None:
    models.save_code(tmp_path / "model", _REPEATS.format(hint=hint), example)
    with running(tmp_path / "model", tmp_path / "run") as runtime:
        answer = runtime.http.post("/predict", json={"jsonData": asked})
        assert answer.json()["strData"] == repr(seen), answer.text


def test_what_a_hinted_model_raises_is_its_own_failure_and_a_wrong_type_the_clients(
    tmp_path: Path,
) -> None:
    models.save_code(tmp_path / "model", _FAILS, None)
    with running(tmp_path / "model", tmp_path / "run") as runtime:

        def asked(item: object) -> tuple[int, str]:
            answer = runtime.http.post("/predict", json={"jsonData": [item]})
            return answer.status_code, answer.text

        assert asked({"a": 1})[0] == 200
        status, text = asked({"a": "away"})
        assert (status, "the feature store is away" in text) == (500, True)
        status, text = asked({"a": "below"})
        assert (status, "the feature store is away" in text) == (500, True)
        assert asked("no object")[0] == 400


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ({"data": {"ndarray": [[1.0]]}}, {"k": 5}),
        ({"data": {"ndarray": [[1.0]]}, "params": {"k": 9}}, {"k": 9}),
        ({"data": {"ndarray": [[1.0]]}, "params": {"k": 9, "unknown": 1}}, {"k": 9}),
        ({"data": {"ndarray": [[1.0]]}, "params": None}, {"k": 5}),
        ({"data": {"ndarray": [[1.0]]}, "params": {"k": "x"}}, None),
        ({"data": {"ndarray": [[1.0]]}, "params": {"k": 1.5}}, None),
        ({"data": {"ndarray": [[1.0]]}, "params": [1]}, None),
        (
            {
                "jsonData": {
                    "dataframe_split": {"columns": ["a"], "data": [[1]]},
                    "params": {"k": 9},
                }
            },
            {"k": 9},
        ),
        ({"jsonData": {"dataframe_records": [{"a": 1}], "params": {"k": 9}}}, {"k": 9}),
        ({"jsonData": {"dataframe_records": [{"a": 1}], "params": 9}}, None),
        ({"jsonData": {"dataframe_records": [{"a": 1}], "params": {}}, "params": {"k": 1}}, None),
        ({"parameters": {"k": 9}}, {"k": 9}),
        ({"parameters": {"binary_data_output": False}}, {"k": 5}),
        ({"parameters": {"k": "x"}}, None),
        ({"parameters": "k"}, None),
    ],
)
def test_parameters_reach_a_model_that_declares_them(
    with_params: Runtime, body: dict[str, object], seen: dict[str, int] | None
) -> None:
    path = "/predict"
    if "data" not in body and "jsonData" not in body:
        path = "/v2/models/credit/infer"
        tensor = {"name": "a", "datatype": "FP64", "shape": [1], "data": [1.0]}
        body = body | {"inputs": [tensor]}
    answer = with_params.http.post(path, json=body)
    if seen is None:
        assert answer.status_code == 400, answer.text
        return
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["strData"] if "strData" in found else found["outputs"][0]["data"][0]) == repr(
        seen
    )


@pytest.fixture(scope="module")
def with_params(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    folder = tmp_path_factory.mktemp("params")
    (folder / "code.py").write_text(_PARAMS)
    signature = ModelSignature(
        inputs=Schema([ColSpec(DataType.double, "a")]),
        params=ParamSchema([ParamSpec("k", DataType.long, 5)]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's advice on hints
        mlflow.pyfunc.save_model(
            folder / "model",
            python_model=str(folder / "code.py"),
            signature=signature,
            pip_requirements=["pandas"],
        )
    with running(folder / "model", folder / "run") as runtime:
        yield runtime


_PARAMS = """
import mlflow


class Params(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return repr({name: int(value) for name, value in params.items()})


mlflow.models.set_model(Params())
"""

_FAILS = """
from typing import Any

import mlflow


class Fails(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: list[dict[str, Any]]):
        if model_input[0]["a"] == "away":
            raise mlflow.exceptions.MlflowException("the feature store is away")
        if model_input[0]["a"] == "below":
            self.ask()
        return "fine"

    def ask(self):
        raise mlflow.exceptions.MlflowException("the feature store is away")


mlflow.models.set_model(Fails())
"""

_REPEATS = """
from typing import Any

import mlflow
from mlflow.types.type_hints import TypeFromExample


class Repeats(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: {hint}):
        return repr(model_input)


mlflow.models.set_model(Repeats())
"""
