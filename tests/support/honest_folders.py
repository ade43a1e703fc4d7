"""Folders with honest models, written by MLflow in each format that it has for them."""

from __future__ import annotations

import warnings
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import mlflow.sklearn
import pandas as pd
import skops.io
from sklearn.exceptions import ConvergenceWarning

from tests.support.honest_pipelines import HONEST
from tests.support.honest_tables import Honest, table


class Format(StrEnum):
    """What MLflow may write a scikit-learn model as."""

    PICKLE = "pickle"
    CLOUDPICKLE = "cloudpickle"
    SKOPS = "skops"


@cache
def fitted(honest: Honest) -> Any:
    """Return the model after its fit; one for all tests of a process, so change nothing of it."""
    features, target = table(honest.data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return honest.build().fit(features, target)


def save(honest: Honest, kept: Format, folder: Path) -> Path:
    """Write the model as MLflow does; trusts whatever skops asks about, as its author would."""
    model = fitted(honest)
    trusted = skops.io.get_untrusted_types(data=skops.io.dumps(model)) if kept == "skops" else None
    features, target = table(honest.data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow warns of pickles and of pandas 3
        mlflow.sklearn.save_model(
            model,
            str(folder),
            serialization_format=kept.value,
            signature=mlflow.models.infer_signature(
                features if isinstance(features, pd.DataFrame) else None, target
            ),
            skops_trusted_types=trusted or None,
            pip_requirements=["scikit-learn==1.9.1", "numpy"],
        )
    return folder


class HonestFolders:
    """Folders with the models, each written at its first use."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def of(self, honest: Honest, kept: Format) -> Path:
        """Return the folder of one model in one format. Copy it to change it."""
        folder = self._root / f"{HONEST.index(honest)}-{kept}"
        return folder if folder.exists() else save(honest, kept, folder)
