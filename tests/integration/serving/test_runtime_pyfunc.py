from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.serving import models
from tests.support.runtime import running


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


_REPEATS = """
from typing import Any

import mlflow
from mlflow.types.type_hints import TypeFromExample


class Repeats(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: {hint}):
        return repr(model_input)


mlflow.models.set_model(Repeats())
"""
