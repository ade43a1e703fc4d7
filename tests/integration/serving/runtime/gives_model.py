# mypy: allow-untyped-defs, allow-untyped-calls, allow-subclassing-any
"""A model that answers with whatever the request names: MLflow loads this file as its code."""

import datetime
from decimal import Decimal

import mlflow
import numpy as np
import pandas as pd
import scipy.sparse

BIG = 2**53 + 1
DAY = datetime.datetime(2024, 5, 1, 12)
ANSWERS = {
    "whole beside real": lambda: pd.DataFrame({"id": [BIG], "p": [0.5]}),
    "Int64": lambda: pd.DataFrame({"x": pd.array([BIG, None], dtype="Int64")}),
    "UInt8": lambda: pd.DataFrame({"x": pd.array([255, None], dtype="UInt8")}),
    "boolean": lambda: pd.DataFrame({"x": pd.array([True, None], dtype="boolean")}),
    "string": lambda: pd.DataFrame({"x": pd.array(["a", None], dtype="string")}),
    "Float64": lambda: pd.DataFrame({"x": pd.array([0.1, None], dtype="Float64")}),
    "category": lambda: pd.DataFrame({"x": pd.Categorical([BIG, None])}),
    "zone": lambda: pd.DataFrame({"x": pd.DatetimeIndex([DAY, None]).tz_localize("Europe/Berlin")}),
    "period": lambda: pd.DataFrame({"x": pd.PeriodIndex(["2024-05"], freq="M")}),
    "interval": lambda: pd.DataFrame({"x": pd.arrays.IntervalArray.from_breaks([0, 1])}),
    "nanosecond": lambda: np.array(["2024-05-01T12:00:00.000000001", "NaT"], "datetime64[ns]"),
    "far date": lambda: np.array(["9999-12-31"], "datetime64[D]"),
    "duration": lambda: np.array([90, "NaT"], "timedelta64[s]"),
    "nan": lambda: np.array([0.5, np.nan]),
    "uint64": lambda: np.array([2**64 - 1], np.uint64),
    "float32": lambda: np.array([[0.5, -0.0]], np.float32),
    "mixed list": lambda: [BIG, 0.5],
    "text and number": lambda: ["a", 1],
    "nul": lambda: ["a\0"],
    "huge": lambda: [2**70],
    "ragged": lambda: [[1], [1, 2]],
    "nothing in it": lambda: [1, None],
    "bytes": lambda: [b"\x00\xff"],
    "decimal": lambda: [Decimal("0.10")],
    "arrays": lambda: {"a": np.array([[1, 2]]), "b": np.array(["x"])},
    "twice": lambda: pd.DataFrame([[1, "x"]], columns=["a", "a"]),
    "text": lambda: "text",
    "infinity": lambda: np.array([np.inf]),
    "infinity in a table": lambda: pd.DataFrame({"x": [1.0, -np.inf]}),
    "infinity in an object": lambda: {"x": [float("inf")]},
    "complex": lambda: np.array([1j]),
    "half of a pair": lambda: ["\ud800"],
    "half of a pair in an object": lambda: {"\ud800": 1},
    "half of a pair as text": lambda: "\ud800",
    "a backslash and ud800": lambda: ["\\ud800"],
    "matrix": lambda: np.matrix([[1.5], [2.5]]),
    "matrix of one row": lambda: np.matrix([[1, 2]]),
    "matrix of text": lambda: np.matrix([["a", "b"]]),
    "sum of a sparse matrix": lambda: scipy.sparse.csr_matrix([[1.0, 2.0], [3.0, 0.0]]).sum(axis=1),
    "dense sparse matrix": lambda: scipy.sparse.csr_matrix([[1, 2], [3, 0]]).todense(),
    "matrix in a list": lambda: [np.matrix([[1, 2]])],
    "matrix in an object": lambda: {"a": np.matrix([[1, 2]])},
    "masked": lambda: np.ma.array([0.5, np.inf, 1.5], mask=[False, True, False]),
    "masked whole numbers": lambda: np.ma.array([[BIG, 2]], mask=[[False, True]]),
    "masked dates": lambda: np.ma.array(
        np.array(["2024-05-01", "NaT"], "M8[D]"), mask=[False, True]
    ),
    "all masked": lambda: np.ma.masked_all((2,), dtype=np.int64),
    "text array": lambda: np.char.array(["a ", "b"]),
    "huge beside a fraction": lambda: [2**70 + 1, 0.5],
    "exact beside a fraction": lambda: [2**70, 0.5],
    "beyond doubles": lambda: [10**400, 0.5],
    "decimal nan": lambda: [Decimal("NaN"), Decimal("1.50")],
    "decimal infinity": lambda: [Decimal("-Infinity")],
    "keys equal as text": lambda: {1: "first", "1": "second"},
    "keys equal as text inside": lambda: {"a": {1: "first", "1": "second"}},
    "0 and the text 0": lambda: pd.DataFrame([[1.0, 2.0, 3.0]], columns=[0, "0", "p"]),
}


class Gives(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input):
        return ANSWERS[model_input["what"].iloc[0]]()


mlflow.models.set_model(Gives())
