"""What a model server loads: our rewriting of a model's file, where there can be one."""

from __future__ import annotations

import logging
import pickle
import resource
import warnings
from pathlib import Path

import mlflow.sklearn
import numpy as np
import pytest
import yaml
from sklearn.linear_model import LogisticRegression

from registry.model_files import rebuilding
from serving.runtime.rewriting import rewritten

MODEL = LogisticRegression().fit(np.arange(8.0).reshape(-1, 1), [0, 0, 0, 0, 1, 1, 1, 1])


class Own(LogisticRegression):  # type: ignore[misc]
    """A class that no reader knows."""


def saved(folder: Path, model: object, kept: str) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow warns of pickles
        mlflow.sklearn.save_model(
            model, str(folder), serialization_format=kept, pip_requirements=["scikit-learn"]
        )
    return folder


def model_file(folder: Path) -> Path:
    document = yaml.safe_load((folder / "MLmodel").read_text())
    return folder / str(document["flavors"]["sklearn"]["pickled_model"])


@pytest.mark.parametrize("kept", ["pickle", "cloudpickle", "skops"])
def test_none_of_the_author_s_bytes_are_loaded(tmp_path: Path, kept: str) -> None:
    author = saved(tmp_path / "model", MODEL, kept)
    with rewritten(author) as folder:
        assert folder != author
        written = model_file(folder).read_bytes()
        assert written != model_file(author).read_bytes()
        assert pickle.loads(written).coef_.tobytes() == MODEL.coef_.tobytes()
    assert not folder.exists()
    assert model_file(author).exists()


def test_a_model_that_is_not_understood_is_loaded_as_it_is_and_the_log_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    author = saved(tmp_path / "model", Own(), "cloudpickle")
    with caplog.at_level(logging.WARNING), rewritten(author) as folder:
        assert folder == author
    assert "loading the author's own model file: expected a model file of plain" in caplog.text
    assert "Own" in caplog.text


def test_a_copy_that_finds_no_room_is_not_loaded_half(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    author = saved(tmp_path / "model", MODEL, "skops")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
    try:
        with rewritten(author) as folder:
            assert folder == author
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "File too large" in caplog.text


def test_a_copy_that_takes_too_much_memory_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    author = saved(tmp_path / "model", MODEL, "skops")
    monkeypatch.setattr(rebuilding, "write", exhausted)
    with rewritten(author) as folder:
        assert folder == author
    assert "MemoryError" in caplog.text
