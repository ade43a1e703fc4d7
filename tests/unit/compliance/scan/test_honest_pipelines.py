from __future__ import annotations

import warnings

import mlflow.sklearn
import numpy as np
import pytest

from compliance.scan.artifact_scan import scan_folder
from tests.support.honest_folders import Format, HonestFolders, fitted
from tests.support.honest_pipelines import HONEST
from tests.support.honest_tables import Honest, table

EACH_IN_EACH_FORMAT = pytest.mark.parametrize(
    ("honest", "kept"),
    [
        pytest.param(honest, kept, id=f"{honest.name}, {kept}")
        for honest in HONEST
        for kept in Format
        if honest.in_skops or kept is not Format.SKOPS
    ],
)


def test_thirty_kinds_of_models_and_more_are_tried() -> None:
    assert len({honest.name for honest in HONEST}) == len(HONEST) >= 30


@EACH_IN_EACH_FORMAT
def test_an_honest_model_is_let_through(
    honest: Honest, kept: Format, honest_folders: HonestFolders
) -> None:
    assert scan_folder(honest_folders.of(honest, kept)).violations == ()


@EACH_IN_EACH_FORMAT
def test_the_folder_holds_the_model_that_was_fitted(
    honest: Honest, kept: Format, honest_folders: HonestFolders
) -> None:
    features, _target = table(honest.data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow warns of pickles
        loaded = mlflow.sklearn.load_model(str(honest_folders.of(honest, kept)))
    np.testing.assert_array_equal(loaded.predict(features), fitted(honest).predict(features))
