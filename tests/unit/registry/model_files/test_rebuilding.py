"""A folder as MLflow wrote it, and the copy that is loaded in its place."""

from __future__ import annotations

import pickle
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow.sklearn
import numpy as np
import pandas as pd
import pytest
import skops.io
import yaml
from mlflow.models import infer_signature
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer

from registry.model_files.errors import FileRefusedError
from registry.model_files.rebuilding import judge_file, rebuild

FRAME = pd.DataFrame(
    {
        "a": np.arange(30.0),
        "b": np.arange(30.0)[::-1] ** 2,
        "city": np.array(["Bonn", "Kiel", "Jena"] * 10, dtype=object),
    }
)
TARGET = FRAME["a"] * 2 + 1


def model() -> Any:
    logs = make_pipeline(FunctionTransformer(np.log1p), SplineTransformer(n_knots=3))
    columns = ColumnTransformer(
        [
            ("numbers", logs, make_column_selector(dtype_include=np.number)),
            ("texts", OneHotEncoder(), ["city"]),
        ]
    )
    regressor = make_pipeline(columns, LinearRegression())
    return TransformedTargetRegressor(regressor, func=np.log1p, inverse_func=np.expm1)


def save(folder: Path, kept: str) -> Path:
    fitted = model().fit(FRAME, TARGET)
    types = skops.io.get_untrusted_types(data=skops.io.dumps(fitted))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow warns of pickles and of pandas 3
        mlflow.sklearn.save_model(
            fitted,
            str(folder),
            serialization_format=kept,
            signature=infer_signature(FRAME, TARGET),
            pip_requirements=["scikit-learn", "numpy"],
            skops_trusted_types=types if kept == "skops" else None,
        )
    return folder


@pytest.fixture(scope="module", params=["pickle", "cloudpickle"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("saved") / "model", request.param)


def predict(folder: Path) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing it warns
        import mlflow.pyfunc

        loaded = mlflow.pyfunc.load_model(str(folder), suppress_warnings=True)
        return np.asarray(loaded.predict(FRAME)).tobytes()


def test_the_copy_answers_as_the_original_does(folder: Path, tmp_path: Path) -> None:
    rebuilt = rebuild(folder, tmp_path / "copy")
    assert predict(rebuilt.folder) == predict(folder)
    assert rebuilt.estimator == "sklearn.compose._target.TransformedTargetRegressor"
    assert rebuilt.model_bytes == (tmp_path / "copy" / "model.pkl").stat().st_size


def test_nothing_of_the_authors_file_is_in_the_copy(folder: Path, tmp_path: Path) -> None:
    rebuild(folder, tmp_path / "copy")
    written = (tmp_path / "copy" / "model.pkl").read_bytes()
    assert written != (folder / "model.pkl").read_bytes()
    assert judge_file(tmp_path / "copy" / "model.pkl").problems == ()


def test_a_skops_file_becomes_a_pickle_and_mlmodel_says_so(tmp_path: Path) -> None:
    folder = save(tmp_path / "model", "skops")
    rebuilt = rebuild(folder, tmp_path / "copy")
    flavors = yaml.safe_load((rebuilt.folder / "MLmodel").read_text())["flavors"]
    assert flavors["sklearn"]["pickled_model"] == "model.pkl"
    assert flavors["sklearn"]["serialization_format"] == "pickle"
    assert "skops_trusted_types" not in flavors["sklearn"]
    assert flavors["python_function"]["model_path"] == "model.pkl"
    assert sorted(p.name for p in rebuilt.folder.iterdir()) == [
        "MLmodel", "conda.yaml", "model.pkl", "python_env.yaml", "requirements.txt",
    ]  # fmt: skip
    assert len(predict(rebuilt.folder)) == 8 * len(FRAME)


def hostile(folder: Path) -> None:
    estimator = pickle.loads((folder / "model.pkl").read_bytes())
    estimator.func = np.save
    (folder / "model.pkl").write_bytes(pickle.dumps(estimator))


def another_flavor(folder: Path) -> None:
    document = yaml.safe_load((folder / "MLmodel").read_text())
    document["flavors"]["python_function"]["loader_module"] = "mlflow.xgboost"
    (folder / "MLmodel").write_text(yaml.safe_dump(document))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (hostile, "global numpy.save"),
        (another_flavor, "expected a model of mlflow.sklearn"),
        (lambda f: (f / "model.pkl").write_bytes(b""), "not a well-formed pickle"),
        (lambda f: (f / "MLmodel").write_text("flavors: {}"), "no python_function"),
        (lambda f: (f / "MLmodel").write_text("- a"), "expected an MLmodel that is a mapping"),
        (lambda f: (f / "MLmodel").write_text("a: [1"), "expected an MLmodel in YAML"),
    ],
)
def test_what_is_not_understood_is_not_rebuilt(
    folder: Path, tmp_path: Path, change: Callable[[Path], object], expected: str
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "model"))
    change(copy)
    with pytest.raises(FileRefusedError, match=expected):
        rebuild(copy, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
