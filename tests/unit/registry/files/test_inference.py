"""A signature guessed from an input example."""

from __future__ import annotations

import json
import warnings
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.signature import Bump, Field, Signature, compare
from registry.errors import ArtifactError
from registry.files.adapters import input_example
from registry.files.adapters.stored_files import LocalFiles, beginning
from registry.files.domain.inference import ExampleUnreadableError, JsonKind, columns_of, infer

BEFORE = Signature(
    (
        Field("age", "integer"),
        Field("score", "float"),
        Field("since", "datetime"),
        Field("vip", "boolean", required=False),
    ),
    (Field("0", "long"),),
    (Field("threshold", "double", required=False),),
)
TABLE = {
    "columns": ["age", "score", "since", "vip"],
    "data": [[41, 0.5, "2026-01-01", True], [17, 3, "2026-01-02", None]],
}


def read_columns(folder: Path, mlmodel: dict[str, Any]) -> dict[str, JsonKind] | None:
    files = LocalFiles(folder)
    return input_example.read_columns(files.manifest(), mlmodel, partial(beginning, files))


def write(folder: Path, text: str, **info: str) -> dict[str, Any]:
    (folder / "input_example.json").write_text(text)
    shown = {"artifact_path": "input_example.json", "type": "dataframe", **info}
    return {"saved_input_example_info": shown}


def test_an_example_of_the_same_table_is_the_same_contract() -> None:
    inferred = infer(BEFORE, columns_of(TABLE))
    assert inferred == BEFORE
    assert compare(BEFORE, inferred).bump is Bump.PATCH


def test_a_column_less_or_of_another_kind_is_a_break() -> None:
    less = {"columns": ["age", "score", "since"], "data": [[41, 0.5, "2026-01-01"]]}
    assert compare(BEFORE, infer(BEFORE, columns_of(less))).bump is Bump.MAJOR
    other = {**TABLE, "data": [["41", 0.5, "2026-01-01", True]]}
    change = compare(BEFORE, infer(BEFORE, columns_of(other)))
    assert change.reasons[0] == "input age: integer became string"


def test_what_mlflow_writes_is_read(tmp_path: Path) -> None:
    import pandas as pd
    from mlflow.models.model import Model
    from mlflow.models.utils import _save_example

    frame = pd.DataFrame({"age": [41, 17], "score": [0.5, 1.0], "name": ["a", "b"]})
    model = Model()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _save_example(model, (frame, {"threshold": 0.5}), str(tmp_path))
    columns = read_columns(tmp_path, model.to_dict())
    assert columns == {
        "age": JsonKind.LONG,
        "score": JsonKind.DOUBLE,
        "name": JsonKind.STRING,
    }


def test_a_model_without_an_example_has_no_columns(tmp_path: Path) -> None:
    write(tmp_path, "{}")
    assert read_columns(tmp_path, {}) is None
    assert read_columns(tmp_path, {"saved_input_example_info": None}) is None


@pytest.mark.parametrize("path", ["../secret.json", "/etc/hostname", "missing.json", ""])
def test_an_example_outside_the_models_folder_is_not_read(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "MLmodel").touch()
    (tmp_path / "secret.json").write_text(json.dumps(TABLE))
    with pytest.raises(ExampleUnreadableError, match="does not lie in"):
        read_columns(folder, write(folder, "{}", artifact_path=path))


def test_an_example_that_changes_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    mlmodel = write(tmp_path, json.dumps(TABLE))
    files = LocalFiles(tmp_path)
    manifest = files.manifest()
    write(tmp_path, json.dumps({**TABLE, "data": [[1, 0.5, "2026-01-01", True]]}))
    with pytest.raises(ArtifactError, match="changed meanwhile"):
        input_example.read_columns(manifest, mlmodel, partial(beginning, files))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not json", "not JSON"),
        ("[1, 2]", "not a table"),
        ('{"columns": ["a"], "data": []}', "not a table"),
        ('{"columns": ["a"], "data": [[1, 2]]}', "differ in length"),
        ('{"columns": ["a"], "data": [[null]]}', "holds nothing"),
        ('{"columns": ["a"], "data": [[1], ["x"]]}', "several kinds"),
        ('{"columns": ["a"], "data": [[{"b": 1}]]}', "nested"),
    ],
)
def test_an_example_that_tells_nothing_says_why(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ExampleUnreadableError, match=said):
        read_columns(tmp_path, write(tmp_path, text))


def test_an_array_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(ExampleUnreadableError, match="of type ndarray"):
        read_columns(tmp_path, write(tmp_path, "[[1.0]]", type="ndarray"))


_leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_values = st.recursive(_leaves, lambda part: st.lists(part) | st.dictionaries(st.text(), part))
_tables = st.fixed_dictionaries({"columns": st.lists(_values), "data": st.lists(_values)})


@given(_values | _tables)
def test_no_json_value_breaks_the_reader(value: object) -> None:
    with suppress(ExampleUnreadableError):
        columns_of(value)
