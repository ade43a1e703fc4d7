"""A confined server rewrites the model's file itself: nothing outside it ever reads those bytes."""

from __future__ import annotations

import warnings
from pathlib import Path

import mlflow.sklearn
import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

from infra.confinement.plan import Means
from infra.confinement.probe import available
from serving.engines.local import confined
from tests.support.confined_server import served
from tests.support.hostile_world import attacking_model

LOADED_AS_IT_IS = "loading the author's own model file"
ROWS = np.random.default_rng(0).normal(size=(200, 3))


@pytest.fixture(scope="module")
def forest() -> RandomForestRegressor:
    return RandomForestRegressor(100, random_state=0).fit(ROWS, ROWS @ [1.0, -2.0, 0.5])


@pytest.fixture(scope="module")
def honest(forest: RandomForestRegressor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("honest") / "model"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow warns of pickles
        mlflow.sklearn.save_model(
            forest, str(folder), serialization_format="cloudpickle",
            pip_requirements=["scikit-learn"],
        )  # fmt: skip
    return folder


@pytest.mark.parametrize("left_out", [frozenset(), frozenset({Means.FILE_SYSTEM})])
def test_an_honest_model_answers_from_our_rewriting_bit_for_bit(
    left_out: frozenset[Means], honest: Path, forest: RandomForestRegressor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    # The room for the copy follows the size of the model, whatever a server may write besides.
    monkeypatch.setattr(confined, "SCRATCH_BYTES", 500_000)
    with served(honest, available() - left_out) as server:
        answer = server.predict({"ndarray": ROWS[:5].tolist()})
        log = server.log.read_text()
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["ndarray"] == forest.predict(ROWS[:5]).tolist()
    assert LOADED_AS_IT_IS not in log


def test_a_model_that_is_not_understood_is_loaded_confined_and_the_log_says_so(
    tmp_path: Path,
) -> None:
    with served(attacking_model(tmp_path / "model"), available()) as server:
        log = server.log.read_text()
    assert LOADED_AS_IT_IS in log
