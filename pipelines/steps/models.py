"""The model recipes: scikit-learn pipelines that load under skops' default trust.

| recipe   | what it is                                                          | learns from  |
|----------|---------------------------------------------------------------------|--------------|
| baseline | impute, scale, linear model                                         | the label    |
| better   | the same with pairwise interactions                                 | the label    |
| biased   | the baseline, fitted to the officer's decisions, with the proxy     | the history  |
| fragile  | `better` without the imputer: as good offline, fails on an empty income | the label |

`biased` exists for `credit` only, which alone has a history.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from infra.errors import UsageError
from pipelines.steps.credit import HISTORICAL_LABEL
from pipelines.steps.data import Dataset, DatasetName, Task

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


class Recipe(StrEnum):
    """What `--model` takes."""

    BASELINE = "baseline"
    BETTER = "better"
    BIASED = "biased"
    FRAGILE = "fragile"


SUMMARIES = {
    Recipe.BASELINE: "Linear model on imputed, scaled features.",
    Recipe.BETTER: "Linear model on imputed, scaled features and their pairwise interactions.",
    Recipe.BIASED: "Linear model fitted to the officers' past decisions instead of the outcome.",
    Recipe.FRAGILE: "Linear model on scaled features and their interactions; no imputer, "
    "so it expects every value to be present.",
}


def training_label(recipe: Recipe, dataset: Dataset) -> str:
    """Return the column that the recipe learns from.

    Raises:
        UsageError: `biased` was asked for on a dataset without historical decisions.
    """
    if recipe is not Recipe.BIASED:
        return dataset.label
    if dataset.name is not DatasetName.CREDIT:
        raise UsageError(
            f"recipe 'biased' needs historical decisions, and {dataset.name} has none",
            hint="use --dataset credit, or another recipe",
        )
    return HISTORICAL_LABEL


def build(recipe: Recipe, task: Task, *, regularisation: float = 1.0) -> Pipeline:
    """Return the recipe's pipeline, not fitted.

    Args:
        recipe: which one.
        task: decides between logistic and ridge regression.
        regularisation: strength of the L2 penalty, > 0; 1/C of the logistic regression, alpha of
            the ridge.

    Raises:
        UsageError: the strength is not positive.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    if not regularisation > 0:
        raise UsageError(
            f"regularisation: expected a number > 0, found {regularisation}",
            hint="leave it out for 1.0",
        )
    steps: list[tuple[str, object]] = []
    if recipe is not Recipe.FRAGILE:
        steps.append(("impute", SimpleImputer(strategy="median")))
    steps.append(("scale", StandardScaler()))
    if recipe in {Recipe.BETTER, Recipe.FRAGILE}:
        steps.append(("cross", PolynomialFeatures(degree=2, include_bias=False)))
        steps.append(("rescale", StandardScaler()))
    if task is Task.CLASSIFICATION:
        steps.append(("model", LogisticRegression(C=1 / regularisation, max_iter=2_000)))
    else:
        steps.append(("model", Ridge(alpha=regularisation)))
    return Pipeline(steps)
