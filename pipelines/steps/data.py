"""The three datasets of the project, split once and known by their digest.

| name          | task           | rows: train + holdout | features | label          |
|---------------|----------------|-----------------------|----------|----------------|
| breast_cancer | classification | 398 + 171             | 30       | `malignant` 0/1 |
| diabetes      | regression     | 309 + 133             | 10       | `progression`, 25 to 346 |
| credit        | classification | 20,000 + 10,000       | 6        | `repaid` 0/1    |

The first two come with scikit-learn; the third is generated (`pipelines.steps.credit`) and has a
sensitive column, `group`. A holdout
row is never in the training frame.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

from infra.errors import UsageError
from pipelines.steps import credit

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_SEED = 11
CREDIT_TRAIN_ROWS = 20_000
CREDIT_HOLDOUT_ROWS = 10_000
_HOLDOUT_SHARE = 0.3


class DatasetName(StrEnum):
    """What `--dataset` takes."""

    BREAST_CANCER = "breast_cancer"
    DIABETES = "diabetes"
    CREDIT = "credit"


class Task(StrEnum):
    """What a model of the dataset predicts."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset, split.

    Attributes:
        name: which one.
        task: what its label is.
        features: model inputs, in order; float64.
        label: the column a model is judged on.
        sensitive: columns that are never model inputs and that fairness is measured on.
        train, holdout: rows with features, sensitive columns and label; index 0..n-1.
        source: where the rows come from, for people.
    """

    name: DatasetName
    task: Task
    features: tuple[str, ...]
    label: str
    sensitive: tuple[str, ...]
    train: pd.DataFrame = field(repr=False)
    holdout: pd.DataFrame = field(repr=False)
    source: str


def load(
    name: DatasetName,
    *,
    seed: int = DEFAULT_SEED,
    train_rows: int = CREDIT_TRAIN_ROWS,
    holdout_rows: int = CREDIT_HOLDOUT_ROWS,
) -> Dataset:
    """Return the dataset, split by the seed: the same seed gives the same bytes.

    Args:
        name: which one.
        seed: of the split and, for `credit`, of the world; >= 0.
        train_rows, holdout_rows: sizes of `credit`, >= 1; the bundled sets have their own.

    Raises:
        UsageError: the seed is negative or a size is not positive.
    """
    if seed < 0 or train_rows < 1 or holdout_rows < 1:
        raise UsageError(
            f"expected seed >= 0 and at least one row in each part, found seed={seed}, "
            f"train_rows={train_rows}, holdout_rows={holdout_rows}",
            hint="give whole numbers, e.g. --seed 11",
        )
    match name:
        case DatasetName.CREDIT:
            return Dataset(
                name,
                Task.CLASSIFICATION,
                credit.FEATURES,
                credit.LABEL,
                (credit.SENSITIVE,),
                credit.applications(train_rows, seed=seed, stream=1),
                credit.applications(holdout_rows, seed=seed, stream=2),
                f"pipelines.steps.credit, seed {seed}",
            )
        case DatasetName.BREAST_CANCER:
            return _bundled(name, Task.CLASSIFICATION, "malignant", seed)
        case DatasetName.DIABETES:
            return _bundled(name, Task.REGRESSION, "progression", seed)
        case _:
            assert_never(name)


def canonical_bytes(rows: pd.DataFrame) -> bytes:
    """Return the one CSV form that digests are taken of: UTF-8, LF, shortest exact floats."""
    return rows.to_csv(index=False, lineterminator="\n").encode()


def digest(rows: pd.DataFrame) -> str:
    """Return `sha256:<64 hex>` of the rows' canonical bytes; linear in their size."""
    return f"sha256:{hashlib.sha256(canonical_bytes(rows)).hexdigest()}"


def _bundled(name: DatasetName, task: Task, label: str, seed: int) -> Dataset:
    from sklearn.datasets import load_breast_cancer, load_diabetes
    from sklearn.model_selection import train_test_split

    if name is DatasetName.BREAST_CANCER:
        bunch = load_breast_cancer(as_frame=True)
        # scikit-learn codes malignant as 0; a reader expects the finding to be 1.
        target = (1 - bunch.target).astype("int64")
    else:
        bunch = load_diabetes(as_frame=True)
        target = bunch.target.astype("float64")
    features = [str(column).replace(" ", "_") for column in bunch.data.columns]
    rows = bunch.data.set_axis(features, axis=1).astype("float64").assign(**{label: target})
    train, holdout = train_test_split(
        rows,
        test_size=_HOLDOUT_SHARE,
        random_state=seed,
        stratify=rows[label] if task is Task.CLASSIFICATION else None,
    )
    return Dataset(
        name,
        task,
        tuple(features),
        label,
        (),
        train.reset_index(drop=True),
        holdout.reset_index(drop=True),
        f"sklearn.datasets.load_{name}, split by seed {seed}",
    )
