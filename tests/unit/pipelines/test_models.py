from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from infra.errors import UsageError
from pipelines.steps import credit, data, models
from pipelines.steps.data import Dataset, DatasetName
from pipelines.steps.models import Recipe


@cache
def _dataset() -> Dataset:
    return data.load(DatasetName.CREDIT)


@cache
def _fitted(recipe: Recipe) -> object:
    dataset = _dataset()
    label = models.training_label(recipe, dataset)
    pipeline = models.build(recipe, dataset.task)
    return pipeline.fit(dataset.train[list(dataset.features)], dataset.train[label])


@cache
def _predicted(recipe: Recipe) -> NDArray[np.int64]:
    inputs = _dataset().holdout[list(_dataset().features)]
    return np.asarray(_fitted(recipe).predict(inputs))  # type: ignore[attr-defined]


def _accuracy(recipe: Recipe) -> float:
    return float((_predicted(recipe) == _dataset().holdout["repaid"]).mean())


def _gaps(recipe: Recipe) -> tuple[float, float]:
    """Differences between the groups: true positive rate, selection rate."""
    rows = _dataset().holdout.assign(predicted=_predicted(recipe))
    chosen = rows.groupby("group")["predicted"].mean()
    hits = rows[rows["repaid"] == 1].groupby("group")["predicted"].mean()
    return abs(hits["A"] - hits["B"]), abs(chosen["A"] - chosen["B"])


def test_the_better_model_is_better_by_more_than_chance() -> None:
    baseline, better = _accuracy(Recipe.BASELINE), _accuracy(Recipe.BETTER)

    standard_error = np.sqrt(2 * 0.25 / len(_dataset().holdout))
    assert better - baseline > 3 * standard_error
    assert baseline > 0.90


def test_the_fragile_model_looks_exactly_as_good_as_the_better_one() -> None:
    assert _accuracy(Recipe.FRAGILE) == pytest.approx(_accuracy(Recipe.BETTER), abs=0.002)


@pytest.mark.parametrize("recipe", [Recipe.BASELINE, Recipe.BETTER, Recipe.FRAGILE])
def test_honest_models_treat_the_groups_alike(recipe: Recipe) -> None:
    opportunity, selection = _gaps(recipe)

    assert opportunity < 0.03
    assert selection < 0.03


def test_the_biased_model_stays_decent_and_is_unfair() -> None:
    opportunity, selection = _gaps(Recipe.BIASED)

    assert _accuracy(Recipe.BIASED) > 0.85
    assert opportunity > 0.15
    assert selection > 0.15


def test_only_the_fragile_model_fails_on_an_empty_income() -> None:
    live = credit.live_requests(1_000, seed=5)
    empty = live[live["income"].isna()]
    assert len(empty) > 5

    for recipe in (Recipe.BASELINE, Recipe.BETTER, Recipe.BIASED):
        assert len(_fitted(recipe).predict(empty)) == len(empty)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="contains NaN"):
        _fitted(Recipe.FRAGILE).predict(empty)  # type: ignore[attr-defined]
    full = live.dropna()
    assert len(_fitted(Recipe.FRAGILE).predict(full)) == len(full)  # type: ignore[attr-defined]


def test_a_biased_model_needs_a_history() -> None:
    with pytest.raises(UsageError, match="diabetes has none"):
        models.training_label(Recipe.BIASED, data.load(DatasetName.DIABETES))


@pytest.mark.parametrize("strength", [0.0, -1.0, float("nan")])
def test_a_penalty_that_is_none_is_refused(strength: float) -> None:
    with pytest.raises(UsageError, match="expected a number > 0"):
        models.build(Recipe.BASELINE, _dataset().task, regularisation=strength)
