"""A signature that does not name the columns that the model was fitted on is no wrong number."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from tests.support.runtime import running

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mlflow.pyfunc
    import mlflow.sklearn
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

TABLE = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [10.0, -20.0, 30.0, 5.0]})
TARGET = TABLE["a"] * 1000 + TABLE["b"]


def save(model: object, folder: Path, names: tuple[str, ...]) -> None:
    inputs = Schema([ColSpec("double", name) for name in names])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.sklearn.save_model(
            model,
            str(folder),
            signature=ModelSignature(inputs, Schema([ColSpec("double")])),
            serialization_format="cloudpickle",
            pip_requirements=["scikit-learn"],
        )


@pytest.mark.parametrize("names", [("b", "a"), ("c", "d")])
def test_columns_in_another_order_are_a_failure_and_no_number(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    save(LinearRegression().fit(TABLE, TARGET), tmp_path / "model", names)
    record = dict(zip(names, (10.0, 1.0), strict=True))
    with running(tmp_path / "model", tmp_path / "run") as runtime:
        for body in (
            {"jsonData": [record]},
            {"data": {"names": list(record), "ndarray": [list(record.values())]}},
        ):
            answer = runtime.http.post("/predict", json=body)
            assert answer.status_code == 500, answer.text
            assert "feature names should match" in answer.json()["status"]["info"]


def test_a_model_fitted_on_an_array_answers_in_the_signatures_order(tmp_path: Path) -> None:
    model = LinearRegression().fit(TABLE.to_numpy(), TARGET)
    save(model, tmp_path / "model", ("b", "a"))
    with running(tmp_path / "model", tmp_path / "run") as runtime:
        answer = runtime.http.post("/predict", json={"jsonData": [{"a": 10.0, "b": 1.0}]})
    expected = model.predict(np.array([[1.0, 10.0]])).tolist()
    assert answer.json()["data"]["tensor"]["values"] == expected, answer.text
