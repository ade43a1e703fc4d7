# mypy: allow-untyped-defs, allow-untyped-calls, allow-subclassing-any
"""A model that says exactly what it was given: MLflow loads this file as the model's code."""

import datetime
import json

import mlflow
import numpy as np
import pandas as pd


def cell(value):
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, sort_keys=True)
    if value is None or value is pd.NaT or value is pd.NA or value != value:
        return "missing"
    if isinstance(value, float | np.floating):
        return f"float {float(value).hex()}"
    if isinstance(value, bool | np.bool_):
        return f"bool {bool(value)}"
    if isinstance(value, int | np.integer):
        return f"int {int(value)}"
    if isinstance(value, datetime.datetime | np.datetime64):
        return f"time {np.datetime_as_string(np.datetime64(value), unit='ns')}"
    if isinstance(value, bytes):
        return f"bytes {value.hex()}"
    return f"{type(value).__name__} {value!r}"


def told(found):
    if isinstance(found, pd.DataFrame):
        # Whether pandas calls text "str" or "object" hangs on what else is in the column.
        return [
            [repr(label), "text" if str(t) in ("str", "object") else str(t), told(found[label])]
            for label, t in zip(found.columns, found.dtypes, strict=True)
        ]
    if isinstance(found, pd.Series):
        return [cell(value) for value in found]
    if isinstance(found, np.ndarray):
        kind = found.dtype.kind if found.dtype.kind in "US" else found.dtype.name
        return [kind, list(found.shape), [cell(value) for value in found.ravel()]]
    if isinstance(found, dict):
        return {str(name): told(value) for name, value in found.items()}
    return ["list", [cell(value) for value in found]]


class Echo(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input):
        return json.dumps(told(model_input))


mlflow.models.set_model(Echo())
