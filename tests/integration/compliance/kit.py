"""Models as MLflow folders, some of which misbehave when they are loaded or asked."""

from __future__ import annotations

import contextlib
import os
import pickle
import time
import warnings
from pathlib import Path
from typing import Any

import mlflow.sklearn
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

COLUMNS = ["income", "age"]
DESCRIPTION = "Decides consumer loans up to 20,000; a person looks at every refusal. Not for firms."


def people(rows: int, seed: int = 0, bias: float = 0.0) -> pd.DataFrame:
    """Applicants; `bias` shifts the income of one sex."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], rows)
    income = rng.normal(size=rows) + np.where(sex == "m", bias, -bias)
    age = rng.normal(size=rows)
    paid = (income + 0.5 * age + rng.normal(scale=0.3, size=rows) > 0).astype(int)
    return pd.DataFrame({"income": income, "age": age, "sex": sex, "paid": paid})


def save(folder: Path, model: Any, serialization: str = "skops") -> Path:
    frame = people(50)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow 3.17 on pandas 3 and pydantic 2.14
        mlflow.sklearn.save_model(
            model,
            str(folder),
            serialization_format=serialization,
            signature=infer_signature(frame[COLUMNS], frame["paid"].to_numpy()),
            pip_requirements=["scikit-learn"],
        )
    return folder


def good_model(rows: int = 2000, bias: float = 0.0) -> LogisticRegression:
    train = people(rows, seed=1, bias=bias)
    return LogisticRegression().fit(train[COLUMNS], train["paid"])


class OnMissing:
    """Answers whole rows, and does something for one without an income."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.thing = (function, args)

    def predict(self, frame: Any) -> Any:
        function, args = self.thing
        if frame[COLUMNS[0]].isna().any():
            function(*args)
        return np.ones(len(frame), dtype=np.int64)


class OnLoad:
    """Does something while it is unpickled."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


class OnPredict:
    """Does something when it is asked."""

    def __init__(self, act: str) -> None:
        self.act = act

    def predict(self, frame: Any) -> Any:
        match self.act:
            case "abort":
                os.abort()
            case "hang":
                time.sleep(600)
            case "hog":
                return np.empty(6_000_000_000, dtype=np.uint8)[:200]
            case "raise":
                raise ValueError("no idea")
            case "exit":
                os._exit(0)
            case "short":
                return np.zeros(len(frame) - 1)
            case "nan":
                return np.full(len(frame), np.nan)
            case "environment":
                return [f"{sorted(os.environ)} {os.getcwd()}"] * len(frame)
            case "columns":
                return [",".join(frame.columns)] * len(frame)
            case "kill the watcher":
                os.kill(os.getppid(), 9)
                time.sleep(600)
            case "blame the machine":
                self._answer("start", b'{"unconfined": "a layer"}', 97)
        return None

    def _answer(self, step: str, header: bytes, code: int) -> None:
        """Write the answer's file oneself, as a job does, and end."""
        data = step.encode().ljust(16) + len(header).to_bytes(8, "big") + header
        for fd in range(3, 64):
            with contextlib.suppress(OSError):
                os.pwrite(fd, data, 0)
        os._exit(code)


def replace_model(folder: Path, thing: object) -> Path:
    """Put another pickle into a model folder; by value, so that no import is needed."""
    import cloudpickle

    from tests.integration.compliance import kit

    cloudpickle.register_pickle_by_value(kit)
    try:
        own = isinstance(thing, OnPredict | OnMissing)
        data = cloudpickle.dumps(thing) if own else pickle.dumps(thing)
    finally:
        cloudpickle.unregister_pickle_by_value(kit)
    (folder / "model.pkl").write_bytes(data)
    return folder
