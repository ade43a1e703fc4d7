"""What a model may return, and what both protocols make of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.serving import models  # noqa: F401 - MLflow warns when it is imported
from tests.support.runtime import Runtime, running

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

BIG = 2**53 + 1
BERLIN = "2024-05-01T12:00:00+02:00"
INFER = "/v2/models/credit/infer"


@pytest.fixture(scope="module")
def gives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    folder = tmp_path_factory.mktemp("gives")
    signature = ModelSignature(inputs=Schema([ColSpec(DataType.string, "what")]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(
            folder / "model",
            python_model=str(Path(__file__).with_name("gives_model.py")),
            signature=signature,
            pip_requirements=["pandas"],
        )
    with running(folder / "model", folder / "run") as runtime:
        yield runtime


def infer(runtime: Runtime, what: str, **more: Any) -> Any:
    tensor = {"name": "what", "shape": [1], "datatype": "BYTES", "data": [what]}
    return runtime.http.post(INFER, json={"inputs": [tensor], **more})


@pytest.mark.parametrize(
    ("what", "rows", "outputs"),
    [
        (
            "whole beside real",
            [[BIG, 0.5]],
            [("id", "INT64", [1], [BIG]), ("p", "FP64", [1], [0.5])],
        ),
        ("Int64", [[BIG], [None]], [("x", "INT64", [2], [BIG, None])]),
        ("UInt8", [[255], [None]], [("x", "UINT8", [2], [255, None])]),
        ("boolean", [[True], [None]], [("x", "BOOL", [2], [True, None])]),
        ("string", [["a"], [None]], [("x", "BYTES", [2], ["a", None])]),
        ("Float64", [[0.1], [None]], [("x", "FP64", [2], [0.1, None])]),
        ("category", [[BIG], [None]], [("x", "INT64", [2], [BIG, None])]),
        ("zone", [[BERLIN], [None]], [("x", "BYTES", [2], [BERLIN, None])]),
        ("period", [["2024-05"]], [("x", "BYTES", [1], ["2024-05"])]),
        ("interval", [["(0, 1]"]], [("x", "BYTES", [1], ["(0, 1]"])]),
        (
            "nanosecond",
            ["2024-05-01T12:00:00.000000001", None],
            [("predict", "BYTES", [2], ["2024-05-01T12:00:00.000000001", None])],
        ),
        ("far date", ["9999-12-31"], [("predict", "BYTES", [1], ["9999-12-31"])]),
        ("duration", ["P0DT0H1M30S", None], [("predict", "BYTES", [2], ["P0DT0H1M30S", None])]),
        ("nan", [0.5, None], [("predict", "FP64", [2], [0.5, None])]),
        ("uint64", [2**64 - 1], [("predict", "UINT64", [1], [2**64 - 1])]),
        ("float32", [[0.5, -0.0]], [("predict", "FP32", [1, 2], [0.5, -0.0])]),
        ("mixed list", [BIG, 0.5], [("predict", "BYTES", [2], [str(BIG), "0.5"])]),
        ("text and number", ["a", 1], [("predict", "BYTES", [2], ["a", "1"])]),
        ("nul", ["a\0"], [("predict", "BYTES", [1], ["a\0"])]),
        ("huge", [2**70], [("predict", "BYTES", [1], [str(2**70)])]),
        ("ragged", [[1], [1, 2]], [("predict", "BYTES", [2], ["[1]", "[1,2]"])]),
        ("nothing in it", [1, None], [("predict", "INT64", [2], [1, None])]),
        ("bytes", ["AP8="], [("predict", "BYTES", [1], ["AP8="])]),
        ("decimal", ["0.10"], [("predict", "BYTES", [1], ["0.10"])]),
        ("twice", [[1, "x"]], [("a", "INT64", [1], [1]), ("a", "BYTES", [1], ["x"])]),
        ("a backslash and ud800", ["\\ud800"], [("predict", "BYTES", [1], ["\\ud800"])]),
        ("matrix", [[1.5], [2.5]], [("predict", "FP64", [2, 1], [1.5, 2.5])]),
        ("matrix of one row", [[1, 2]], [("predict", "INT64", [1, 2], [1, 2])]),
        ("matrix of text", [["a", "b"]], [("predict", "BYTES", [1, 2], ["a", "b"])]),
        ("sum of a sparse matrix", [[3.0], [3.0]], [("predict", "FP64", [2, 1], [3.0, 3.0])]),
        ("dense sparse matrix", [[1, 2], [3, 0]], [("predict", "INT64", [2, 2], [1, 2, 3, 0])]),
        ("matrix in a list", [[[1, 2]]], [("predict", "INT64", [1, 1, 2], [1, 2])]),
        ("masked", [0.5, None, 1.5], [("predict", "FP64", [3], [0.5, None, 1.5])]),
        ("masked whole numbers", [[BIG, None]], [("predict", "INT64", [1, 2], [BIG, None])]),
        ("masked dates", ["2024-05-01", None], [("predict", "BYTES", [2], ["2024-05-01", None])]),
        ("all masked", [None, None], [("predict", "INT64", [2], [None, None])]),
        ("text array", ["a ", "b"], [("predict", "BYTES", [2], ["a ", "b"])]),
        (
            "huge beside a fraction",
            [2**70 + 1, 0.5],
            [("predict", "BYTES", [2], [str(2**70 + 1), "0.5"])],
        ),
        ("exact beside a fraction", [2**70, 0.5], [("predict", "FP64", [2], [2**70, 0.5])]),
        (
            "beyond doubles",
            [10**400, 0.5],
            [("predict", "BYTES", [2], [str(10**400), "0.5"])],
        ),
        ("decimal nan", [None, "1.50"], [("predict", "BYTES", [2], [None, "1.50"])]),
    ],
)
def test_every_value_of_an_answer_is_what_the_model_returned(
    gives: Runtime, what: str, rows: list[object], outputs: list[tuple[object, ...]]
) -> None:
    seldon = gives.predict({"ndarray": [[what]]})
    assert seldon.status_code == 200, seldon.text
    assert repr(seldon.json()["data"]["ndarray"]) == repr(rows)
    found = infer(gives, what).json()["outputs"]
    assert repr([(o["name"], o["datatype"], o["shape"], o["data"]) for o in found]) == repr(outputs)


def test_an_object_of_arrays_is_one_output_for_each(gives: Runtime) -> None:
    assert gives.predict({"ndarray": [["arrays"]]}).json()["jsonData"] == {
        "a": [[1, 2]],
        "b": ["x"],
    }
    found = infer(gives, "arrays").json()["outputs"]
    assert [(o["name"], o["shape"], o["data"]) for o in found] == [
        ("a", [1, 2], [1, 2]),
        ("b", [1], ["x"]),
    ]


@pytest.mark.parametrize(
    "what",
    [
        "infinity",
        "infinity in a table",
        "infinity in an object",
        "complex",
        "decimal infinity",
        "half of a pair",
        "half of a pair in an object",
        "half of a pair as text",
        "keys equal as text",
        "keys equal as text inside",
    ],
)
def test_what_json_cannot_carry_is_the_models_failure(gives: Runtime, what: str) -> None:
    for answer in (gives.predict({"ndarray": [[what]]}), infer(gives, what)):
        assert answer.status_code == 500
        assert any(
            told in answer.json()["status"]["info"]
            for told in ("which JSON cannot carry", "be written as JSON", "equal as text")
        )


def test_a_tensor_is_answered_as_rows_where_a_value_is_missing(gives: Runtime) -> None:
    def asked(what: str) -> Any:
        return gives.http.post("/predict", json={"jsonData": [{"what": what}]}).json()["data"]

    assert asked("float32")["tensor"] == {"shape": [1, 2], "values": [0.5, -0.0]}
    assert asked("whole beside real")["tensor"] == {"shape": [1, 2], "values": [BIG, 0.5]}
    assert asked("nan")["ndarray"] == [0.5, None]


def test_the_outputs_that_a_request_names_come_back_in_its_order(gives: Runtime) -> None:
    def names(*wanted: str) -> list[str]:
        outputs = [{"name": name} for name in wanted]
        answer = infer(gives, "whole beside real", outputs=outputs).json()
        return [output["name"] for output in answer["outputs"]]

    assert names("p") == ["p"]
    assert names("p", "id") == ["p", "id"]
    assert names() == ["id", "p"]


@pytest.mark.parametrize(
    "outputs", [[{"name": "nothing"}], [{"name": "p"}, {"name": "p"}], ["p"], [{}], "p", {"p": 1}]
)
def test_outputs_that_the_answer_does_not_have_are_the_clients_error(
    gives: Runtime, outputs: object
) -> None:
    answer = infer(gives, "whole beside real", outputs=outputs)
    assert answer.status_code == 400, answer.text
    assert "outputs" in answer.json()["error"]


@pytest.mark.parametrize(("what", "name"), [("0 and the text 0", "0"), ("twice", "a")])
def test_a_name_that_two_outputs_have_cannot_be_asked_for(
    gives: Runtime, what: str, name: str
) -> None:
    answer = infer(gives, what, outputs=[{"name": name}])
    assert answer.status_code == 400, answer.text
    assert "which 2 have" in answer.json()["error"]
    assert infer(gives, what).status_code == 200


def test_an_object_of_the_declared_outputs_is_those_outputs(tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text(_DECLARED)
    columns = [ColSpec(DataType.double, "score"), ColSpec(DataType.string, "label")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(
            tmp_path / "model",
            python_model=str(code),
            signature=ModelSignature(Schema([ColSpec(DataType.long, "n")]), Schema(columns)),
            pip_requirements=["pandas"],
        )
    with running(tmp_path / "model", tmp_path / "run") as runtime:
        for n, scores, labels in ((2, [0.5, 0.5], ["x", "x"]), (0, [0.5], ["x"])):
            tensor = {"name": "n", "shape": [1], "datatype": "INT64", "data": [n]}
            body: dict[str, Any] = {"inputs": [tensor]}
            found = runtime.http.post(INFER, json=body).json()["outputs"]
            assert [(o["name"], o["datatype"], o["data"]) for o in found] == [
                ("score", "FP64", scores),
                ("label", "BYTES", labels),
            ]
            lone = runtime.http.post(INFER, json=body | {"outputs": [{"name": "label"}]}).json()
            assert [o["data"] for o in lone["outputs"]] == [labels]


_DECLARED = """
import mlflow


class Declared(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input):
        n = int(model_input["n"].iloc[0])
        return {"score": [0.5] * n or 0.5, "label": ["x"] * n or "x"}


mlflow.models.set_model(Declared())
"""
