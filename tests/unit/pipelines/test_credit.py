from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.steps import credit

ROWS = 20_000


@pytest.fixture(scope="module")
def world() -> pd.DataFrame:
    return credit.applications(ROWS, seed=3, stream=1)


def test_both_groups_repay_equally_often(world: pd.DataFrame) -> None:
    rates = world.groupby("group")["repaid"].mean()

    assert abs(rates["A"] - rates["B"]) < 0.02
    assert 0.70 < world["repaid"].mean() < 0.76


def test_the_officer_approved_group_b_far_less_often(world: pd.DataFrame) -> None:
    rates = world.groupby("group")["approved_by_officer"].mean()

    assert rates["A"] - rates["B"] > 0.25


def test_the_region_tells_the_group_but_nothing_about_repayment(world: pd.DataFrame) -> None:
    in_b = (world["group"] == "B").to_numpy(dtype=float)

    assert 0.68 < np.corrcoef(world["region_index"], in_b)[0, 1] < 0.78
    assert abs(np.corrcoef(world["region_index"], world["repaid"])[0, 1]) < 0.03


def test_values_stay_in_their_documented_ranges(world: pd.DataFrame) -> None:
    assert list(world.columns) == [*credit.FEATURES, "group", "repaid", "approved_by_officer"]
    assert (world[list(credit.FEATURES)].dtypes == "float64").all()
    assert (world["income"] > 0).all()
    assert world["debt_ratio"].between(0, 1.5).all()
    assert world["employment_years"].between(0, 45).all()
    assert (world["employment_years"] <= world["age"] - 18).all()
    assert (world["late_payments"] >= 0).all()
    assert world["age"].between(18, 80).all()
    assert world["region_index"].between(0, 1).all()
    assert set(world["group"]) == {"A", "B"}


def test_only_live_requests_lack_an_income(world: pd.DataFrame) -> None:
    live = credit.live_requests(ROWS, seed=3)

    assert not world.isna().any().any()
    assert 0.015 < live["income"].isna().mean() < 0.025
    assert not live.drop(columns="income").isna().any().any()
    assert list(live.columns) == list(credit.FEATURES)


def test_live_requests_look_like_the_training_data_otherwise(world: pd.DataFrame) -> None:
    live = credit.live_requests(ROWS, seed=3)

    for feature in credit.FEATURES:
        shift = abs(live[feature].mean() - world[feature].mean()) / world[feature].std()
        assert shift < 0.05, feature
