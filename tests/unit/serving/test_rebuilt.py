"""The copy that model servers load: written from what was understood, proven at each start."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from serving.adapters import rebuilt as module
from serving.adapters.rebuilt import rebuilt


class Foreign:
    """A class that no allow-list knows."""


@pytest.fixture(params=["pickle", "cloudpickle", "skops"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, on import and about its formats
        import mlflow.sklearn

        frame = pd.DataFrame({"x": np.arange(20.0)})
        mlflow.sklearn.save_model(
            LogisticRegression().fit(frame, frame["x"] > 9),
            str(tmp_path / "sha256-1"),
            serialization_format=request.param,
            pip_requirements=["scikit-learn"],
        )
    return tmp_path / "sha256-1"


def refuse(folder: Path) -> Path:
    file = next(folder.glob("model.*"))
    file.write_bytes(pickle.dumps(Foreign()))
    return folder


def test_a_model_that_is_understood_is_served_from_the_copy(folder: Path) -> None:
    copy = rebuilt(folder)
    assert copy != folder
    assert [path.name for path in copy.glob("model.*")] == ["model.pkl"]
    with (copy / "model.pkl").open("rb") as file:
        model = pickle.load(file)
    assert list(model.predict(pd.DataFrame({"x": [1.0, 15.0]}))) == [False, True]


def test_the_copy_is_made_once(folder: Path) -> None:
    before = (rebuilt(folder) / "model.pkl").stat().st_mtime_ns
    assert (rebuilt(folder) / "model.pkl").stat().st_mtime_ns == before


def test_a_copy_that_was_changed_is_made_again(folder: Path) -> None:
    copy = rebuilt(folder)
    good = (copy / "model.pkl").read_bytes()
    (copy / "model.pkl").write_bytes(b"other")
    assert (rebuilt(folder) / "model.pkl").read_bytes() == good


def test_a_copy_that_another_version_wrote_is_made_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (rebuilt(folder) / "model.pkl").stat().st_mtime_ns
    monkeypatch.setattr(module, "_writers", lambda: {"acgs-mlops": "another"})
    assert (rebuilt(folder) / "model.pkl").stat().st_mtime_ns > before


def test_what_is_not_understood_is_served_as_it_is_and_judged_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rebuilt(refuse(folder)) == folder
    assert not folder.with_name("sha256-1.rebuilt").exists()
    monkeypatch.setattr(module, "_write", lambda *_: pytest.fail("judged again"))
    assert rebuilt(folder) == folder


def test_a_large_model_is_served_as_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    assert rebuilt(folder) == folder


def test_a_folder_without_mlmodel_is_served_as_it_is(folder: Path) -> None:
    (folder / "MLmodel").unlink()
    assert rebuilt(folder) == folder
