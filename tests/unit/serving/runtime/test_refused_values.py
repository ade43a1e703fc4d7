"""A missing or too large value is the client's error only where the request really holds one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from serving.runtime.problem import ProblemError
from serving.runtime.refused_values import refused_value
from serving.runtime.signature import Column, ColumnType, Signature

SIGNATURE = Signature(
    columns=tuple(Column(name, ColumnType.DOUBLE, label=name) for name in ("a", "b")), named=True
)
X = np.array([[1.0, 10.0], [2.0, -20.0], [3.0, 30.0], [4.0, 5.0]])
Y = [0, 1, 1, 0]
MODELS: dict[str, Callable[[], Any]] = {
    "a line": LinearRegression,
    "a pipeline": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
}
FORMS: dict[str, Callable[[Any], object]] = {
    "an array": np.asarray,
    "a column-major array": np.asfortranarray,
    "a table": lambda rows: pd.DataFrame(rows, columns=["a", "b"]),
    "a table of objects": lambda rows: pd.DataFrame(rows, columns=["a", "b"]).astype(object),
}


class Own:
    """A model of somebody's own, which borrows scikit-learn's words."""

    def predict(self, _data: object) -> object:
        raise ValueError("Input X contains NaN.")


def told(model: Any, data: object) -> ProblemError | None:
    with pytest.raises(ValueError, match=r"contains|dim 3") as caught:
        model.predict(data)
    return refused_value(caught.value, data, SIGNATURE)


@pytest.mark.filterwarnings("ignore:X .*feature names")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", MODELS)
def test_a_missing_value_is_named_by_row_and_column(name: str, form: str) -> None:
    rows = [[1.0, 2.0], [3.0, np.nan], [np.nan, 1.0]]
    found = told(MODELS[name]().fit(X, Y), FORMS[form](rows))
    assert found is not None
    assert found.status == 400
    assert found.info.startswith(
        "row 1, column 'b': expected a value, since the model takes no missing ones, found null; "
        "the model's signature is (a: double"
    )


@pytest.mark.filterwarnings("ignore:X .*feature names", "ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("value", [1e308, -1e308, 3.5e38])
@pytest.mark.parametrize("form", ["an array", "a table"])
def test_a_number_beyond_32_bits_is_named_by_row_and_column(form: str, value: float) -> None:
    model = RandomForestRegressor(2).fit(X, Y)
    found = told(model, FORMS[form]([[1.0, 2.0], [value, 3.0]]))
    assert found is not None
    assert found.status == 400
    assert "row 1, column 'a': expected a number of 32 bits (at most 3.403e+38)" in found.info
    assert f"found number {value!r}" in found.info


@pytest.mark.filterwarnings("ignore:X .*feature names", "ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("model", "row"),
    [
        (make_pipeline(FunctionTransformer(np.sqrt), LinearRegression()), [-1.0, 1.0]),
        (make_pipeline(FunctionTransformer(np.exp), LinearRegression()), [1000.0, 1.0]),
    ],
)
def test_a_value_that_the_model_itself_made_is_its_own_failure(
    model: Any, row: list[float]
) -> None:
    model.fit(np.abs(X), Y)
    assert told(model, np.array([row])) is None


@pytest.mark.parametrize("data", [np.array([[np.nan, 1.0]]), [1.0, None], {"a": np.zeros(2)}])
def test_other_errors_are_the_models_own_whatever_they_say(data: object) -> None:
    assert told(Own(), data) is None


def test_an_error_of_another_kind_is_the_models_own() -> None:
    data = np.array([[np.nan, 1.0, 2.0]])
    assert told(LinearRegression().fit(X, Y), data[:, :, None]) is None
    assert refused_value(KeyError("Input X contains NaN."), data, SIGNATURE) is None
