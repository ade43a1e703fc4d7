"""Models saved on the platform's side, as training jobs save them."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow warns about its own type hints on import
    import mlflow.pyfunc
    import mlflow.sklearn
    from mlflow.models import ModelSignature, infer_signature

NO_PIP = ["scikit-learn"]


def applicants() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "income": [1200.5, 3100.0, 800.0, 5400.25, 2000.0, 950.0],
            "years": [1, 12, 0, 20, 4, 2],
            "region": ["north", "south", "south", "north", "east", "east"],
            "owner": [False, True, False, True, True, False],
        }
    )


def save_classifier(path: Path, *, opposite: bool = False) -> tuple[Any, pd.DataFrame]:
    """Scaled logistic regression on 30 doubles, skops (MLflow's default format)."""
    features, target = load_breast_cancer(return_X_y=True, as_frame=True)
    target = 1 - target if opposite else target
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(features, target)
    _save(model, path, infer_signature(features, model.predict(features)))
    return model, features


def save_forest(path: Path) -> tuple[Any, np.ndarray[Any, Any]]:
    """Regression forest, cloudpickle, fitted on and signed for a bare array."""
    features, target = load_diabetes(return_X_y=True)
    model = RandomForestRegressor(n_estimators=10, random_state=0).fit(features, target)
    _save(model, path, infer_signature(features, model.predict(features)), "cloudpickle")
    return model, features


def save_mixed(path: Path) -> tuple[Any, pd.DataFrame]:
    """Text, whole-number and boolean columns; answers with text."""
    table = applicants()
    steps = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["region"]),
        (StandardScaler(), ["income", "years"]),
        remainder="passthrough",
    )
    model = make_pipeline(steps, LogisticRegression())
    model.fit(table, ["no", "yes", "no", "yes", "yes", "no"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's advice on integer columns
        signature = infer_signature(table, model.predict(table))
    _save(model, path, signature)
    return model, table


def save_numbers(path: Path) -> tuple[Any, pd.DataFrame]:
    """Real and whole numbers side by side; answers with two probabilities."""
    features, target = load_breast_cancer(return_X_y=True, as_frame=True)
    table = pd.DataFrame(
        {"radius": features["mean radius"], "area": features["mean area"].astype(int)}
    )
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(table, target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's advice on integer columns
        signature = infer_signature(table, model.predict_proba(table))
    _save(model, path, signature, pyfunc_predict_fn="predict_proba")
    return model, table


def save_by_name(path: Path) -> tuple[Any, pd.DataFrame]:
    """All doubles, but each column is picked by its name."""
    features, target = load_breast_cancer(return_X_y=True, as_frame=True)
    table = features[["mean radius", "mean area"]]
    steps = make_column_transformer((StandardScaler(), ["mean area"]))
    model = make_pipeline(steps, LogisticRegression()).fit(table, target)
    _save(model, path, infer_signature(table, model.predict(table)))
    return model, table


def save_unsigned(path: Path) -> None:
    features, target = load_diabetes(return_X_y=True)
    _save(RandomForestRegressor(n_estimators=2).fit(features, target), path, None, "pickle")


def save_awkward(path: Path) -> None:
    """A PythonModel whose one number tells it how to behave."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's advice on type hints and examples
        _save_awkward(path)


def _save_awkward(path: Path) -> None:
    class Awkward(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        # MLflow reads type hints here, and dislikes any that is not list[...].
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            import asyncio
            import sys

            code = model_input["code"].iloc[0]
            if np.isnan(code):
                return ["missing"]
            if code == 1:
                raise KeyError("the model's own fault")
            if code == 2:
                sys.exit("the model tries to leave")
            if code == 3:
                return pd.DataFrame({"label": ["a", "b"], "score": [0.25, float("nan")]})
            if code == 4:
                return {"label": "a", "scores": np.array([0.5])}
            if code == 5:
                return object()
            if code == 6:
                raise KeyboardInterrupt
            if code == 7:
                raise asyncio.CancelledError
            if code == 8:
                raise GeneratorExit
            if code >= 10:
                time.sleep(code - 10)
            return ["fine"]

    signature = infer_signature(pd.DataFrame({"code": [0.5]}), ["fine"])
    mlflow.pyfunc.save_model(
        path, python_model=Awkward(), signature=signature, pip_requirements=NO_PIP
    )


def save_hinted(path: Path) -> None:
    """Takes texts, says so in its type hints, and shouts them back."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")

        class Hinted(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
            def predict(self, model_input: list[str]) -> list[str]:
                return [text.upper() for text in model_input]

        mlflow.pyfunc.save_model(path, python_model=Hinted(), pip_requirements=NO_PIP)


def save_nested(path: Path) -> None:
    """Takes a column of lists, and a parameter with a default."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")

        class Nested(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
            def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
                return [float(sum(values)) * params["factor"] for values in model_input["values"]]

        example = pd.DataFrame({"values": [[1.0, 2.0], [3.0]]})
        mlflow.pyfunc.save_model(
            path,
            python_model=Nested(),
            signature=infer_signature(example, [1.0], params={"factor": 2}),
            pip_requirements=NO_PIP,
        )


def save_code(path: Path, code: str, example: object) -> None:
    """A model whose code is `code`, with MLflow's signature for its hint or example."""
    file = path.with_suffix(".py")
    file.write_text(code)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's advice on hints
        mlflow.pyfunc.save_model(
            path, python_model=str(file), input_example=example, pip_requirements=NO_PIP
        )


def _save(
    model: Any,
    path: Path,
    signature: ModelSignature | None,
    fmt: str = "skops",
    pyfunc_predict_fn: str = "predict",
) -> None:
    mlflow.sklearn.save_model(
        model,
        path,
        signature=signature,
        serialization_format=fmt,
        pip_requirements=NO_PIP,
        pyfunc_predict_fn=pyfunc_predict_fn,
    )
