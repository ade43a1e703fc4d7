"""The model server answers what pyfunc answers to the same values, or says 400."""

from __future__ import annotations

import json
import subprocess
import warnings
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integration.serving import models  # noqa: F401 - MLflow warns when it is imported
from tests.integration.serving.runtime.right_answers import (
    COLUMNS,
    DIFFERENCES,
    HINTS,
    NUMBERS,
    TENSORS,
    VALUES,
    Case,
    array_cases,
    list_cases,
    named_array_cases,
    table_cases,
)
from tests.support.runtime import serving_env, serving_interpreter

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec

ECHO = Path(__file__).with_name("echo_model.py")
SCRIPT = Path(__file__).with_name("right_answers_script.py")
_WIDTHS = {"float": "float32", "float32": "float32", "float16": "float16"}
pytestmark = pytest.mark.timeout(900)
Result = tuple[str, str]
"""What the server did, and what pyfunc did: "refuses", or "answers" with the values it saw."""


def save(folder: Path, inputs: Schema | None, hint: str = "") -> str:
    code = folder.with_suffix(".py")
    text = ECHO.read_text()
    if hint:
        text = text.replace("self, context, model_input", f"self, model_input: list[{hint}]")
    code.write_text(text)
    signature = None if inputs is None else ModelSignature(inputs=inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's advice on hints and whole numbers
        mlflow.pyfunc.save_model(
            folder, python_model=str(code), signature=signature, pip_requirements=["pandas"]
        )
    return str(folder)


def suites(folder: Path) -> Iterator[tuple[str, dict[str, str], list[Case]]]:
    columns = Schema([ColSpec(DataType[name], name) for name in COLUMNS])
    yield save(folder / "table", columns), {name: name for name in COLUMNS}, list(table_cases())
    arrays = Schema([TensorSpec(np.dtype(name), (-1,), name) for name in TENSORS])
    types = {name: name for name in TENSORS}
    yield save(folder / "arrays", arrays), types, list(named_array_cases())
    for name in ("float64", "int64"):
        matrix = Schema([TensorSpec(np.dtype(name), (-1, 2))])
        yield save(folder / name, matrix), {"x": name}, list(array_cases(name))
    for hint in HINTS:
        yield save(folder / hint, None, hint), {"x": hint}, list(list_cases(hint))


_SHAPES = {"table": "table", "named arrays": "arrays", "array": "array", "list": "list"}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[Case, Result]:
    folder = tmp_path_factory.mktemp("right")
    asked: dict[str, list[dict[str, Any]]] = {}
    cases: dict[str, Case] = {}
    for model, types, found in suites(folder):
        asked[model] = [
            {
                "id": case.id, "path": case.path, "body": case.body, "values": case.values,
                "shape": _SHAPES[case.kind], "types": types,
            }
            for case in found
        ]  # fmt: skip
        cases |= {case.id: case for case in found}
    (folder / "cases.json").write_text(json.dumps(asked))
    finished = subprocess.run(
        [str(serving_interpreter()), str(SCRIPT), str(folder / "cases.json")],
        env=serving_env(), capture_output=True, text=True, check=False, timeout=800,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    answers = json.loads(finished.stdout)
    assert len(answers) == len(cases)
    return {case: _result(*answers[name]) for name, case in cases.items()}


def _result(status: int, answer: dict[str, Any], answered: bool, expected: str) -> Result:
    if status == 200:
        text = answer["strData"] if "strData" in answer else answer["outputs"][0]["data"][0]
        ours = f"answers {text}"
    else:
        assert status == 400, answer
        ours = "refuses"
    return ours, f"answers {expected}" if answered else "refuses"


def listed(case: Case, result: Result) -> list[int]:
    """Numbers of the differences that say so."""
    server, pyfunc = (text.split(" ")[0] for text in result)
    return [
        number
        for number, d in enumerate(DIFFERENCES)
        if case.kind in d.kinds
        and (not d.types or case.type in d.types)
        and case.value in d.values
        and (d.server, d.pyfunc) == (server, pyfunc)
    ]


def differing(results: dict[Case, Result]) -> Iterable[tuple[Case, Result]]:
    return ((case, result) for case, result in results.items() if result[0] != result[1])


def test_the_server_answers_as_pyfunc_or_refuses_or_the_difference_is_listed(
    results: dict[Case, Result],
) -> None:
    unlisted = [
        f"{case.id}: server {ours[:300]}, pyfunc {theirs[:300]}"
        for case, (ours, theirs) in differing(results)
        if not listed(case, (ours, theirs))
    ]
    assert unlisted == []


def test_no_difference_is_listed_that_does_not_exist(results: dict[Case, Result]) -> None:
    seen = {number for case, result in differing(results) for number in listed(case, result)}
    assert sorted(seen) == list(range(len(DIFFERENCES)))


def test_every_form_of_the_same_values_gets_the_same_answer(results: dict[Case, Result]) -> None:
    by_values: dict[tuple[str, str, str], set[str]] = {}
    for case, (ours, _) in results.items():
        by_values.setdefault((case.kind, case.type, case.value), set()).add(ours)
    assert {key: found for key, found in by_values.items() if len(found) > 1} == {}


def _first_cell(case: Case, told: Any) -> str:
    """What the model saw where the value under test was."""
    match case.kind:
        case "table":
            cells = next(cells for label, _, cells in told if label == repr(case.type))
        case "named arrays":
            cells = told[case.type][2]
        case "array":
            cells = told[2]
        case _:
            cells = told[1]
    return str(cells[0])


def test_an_answered_number_is_the_one_that_was_sent_to_the_last_digit(
    results: dict[Case, Result],
) -> None:
    # Not compared with pyfunc: pandas rounds before pyfunc sees a value.
    wrong, compared = [], 0
    for case, (ours, _) in results.items():
        if ours == "refuses" or case.value not in NUMBERS or "bool" in case.type:
            continue
        kind, _, seen = _first_cell(case, json.loads(ours.removeprefix("answers "))).partition(" ")
        text = VALUES[case.value]
        found = Fraction(float.fromhex(seen)) if kind == "float" else Fraction(int(seen))
        sent = Fraction(int(text)) if text.lstrip("-").isdigit() else Fraction(float(text))
        if case.kind != "list" and case.type in _WIDTHS and sent.denominator > 1:
            sent = Fraction(float(np.array(float(text), _WIDTHS[case.type])))
        compared += 1
        if found != sent:
            wrong.append(f"{case.id}: {found}")
    assert wrong == []
    assert compared > 500
