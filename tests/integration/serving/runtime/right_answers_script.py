# mypy: allow-untyped-defs, allow-untyped-calls
"""Runs in the serving environment: the same values through the model server and through pyfunc.

Reads {model folder: [{id, form, path, body, types, values}]} from a file; prints
{id: [status, the server's answer, whether pyfunc answered, pyfunc's answer]}.
"""

import asyncio
import base64
import json
import logging
import sys
import warnings
from datetime import datetime
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pandas as pd

from serving.runtime.app import App
from serving.runtime.model import ServedModel
from serving.runtime.options import Identity

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
IDENTITY = Identity("echo", "1.0.0", "default", "echo", "acgs")


async def ask(app, path, body):
    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": path, "method": "POST", "headers": []}
    await app(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


def python_value(kind, value):
    """What a Python client would hand to `predict` for a value that JSON can only write as text."""
    try:
        if "datetime" in kind and isinstance(value, str):
            return datetime.fromisoformat(value)
        if kind in ("binary", "bytes") and isinstance(value, str):
            return base64.b64decode(value, validate=True)
    except ValueError:
        pass
    return value


NUMPY = {"integer": "int32", "long": "int64", "float": "float32", "double": "float64"}


def narrowed(natural, kind, values):
    """The type that the signature declares, where it holds all values exactly."""
    try:
        cast = natural.astype(NUMPY.get(kind, kind))
        same = all(
            type(given) is not bool
            and (found == given or ((given is None or given != given) and found != found))
            for found, given in zip(cast.ravel().tolist(), values, strict=True)
        )
    except (TypeError, ValueError, OverflowError, AttributeError):
        return natural
    return cast if same else natural


def array(kind, values):
    if kind == "object":
        made = np.empty(len(values), dtype=object)
        made[:] = values
        return made
    natural = np.array(values)
    flat = [cell for row in values for cell in row] if natural.ndim == 2 else values
    if kind.startswith("datetime") and {type(value) for value in flat} <= {datetime, type(None)}:
        exact = np.array(values, dtype="datetime64[us]")
        wide = exact.astype(kind)
        return wide if (wide.astype(exact.dtype) == exact).all() or None in flat else exact
    return narrowed(natural, kind, flat) if "int" in kind or "float" in kind else natural


def series(kind, values):
    natural = pd.Series(values)
    if kind not in NUMPY or natural.dtype.kind not in "iuf":
        return natural
    return pd.Series(narrowed(natural.to_numpy(), kind, values))


def for_pyfunc(shape, types, values):
    """The same values as a Python client hands them to `predict`."""
    columns = {
        name: [python_value(types[name], value) for value in items]
        for name, items in values.items()
    }
    (first, *_) = columns.values()
    if shape == "table":
        return pd.DataFrame({name: series(types[name], items) for name, items in columns.items()})
    if shape == "list":
        return first
    if shape == "array":
        return array(types["x"], first)
    return {name: array(types[name], items) for name, items in columns.items()}


def expected(pyfunc, case):
    try:
        values = json.loads(case["values"])
        return True, pyfunc.predict(for_pyfunc(case["shape"], case["types"], values))
    except Exception as err:
        return False, f"{type(err).__name__}: {err}"[:300]


def main():
    results = {}
    for folder, cases in json.loads(Path(sys.argv[1]).read_text()).items():
        pyfunc = mlflow.pyfunc.load_model(folder)
        known = {}
        app = App(ServedModel(pyfunc), IDENTITY, 1, 30.0)
        for case in cases:
            status, answer = asyncio.run(ask(app, case["path"], case["body"].encode()))
            if case["values"] not in known:
                known[case["values"]] = expected(pyfunc, case)
            results[case["id"]] = [status, answer, *known[case["values"]]]
    json.dump(results, sys.stdout)


main()
