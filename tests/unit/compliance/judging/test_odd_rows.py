"""Rows that a holdout may lack are made of it, and keep the types of its columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from compliance.judging.odd_rows import MOST_COLUMNS, UNKNOWN, odd_rows
from compliance.sandbox import jobs

FEATURES = pd.DataFrame(
    {
        "income": [1.0, 2.0],
        "age": np.array([30, 40], np.int8),
        "town": ["Ulm", "Jena"],
        "member": [True, False],
        "since": pd.to_datetime(["2020-01-01", "2021-01-01"]),
        "half": np.array([1, 2], np.float16),
    }
)
FEATURES["town"] = FEATURES["town"].astype(object)


def changed(frame: pd.DataFrame) -> dict[Any, list[object]]:
    """Return the cells of each column that are not the holdout's."""
    known = {name: set(FEATURES[name]) for name in FEATURES}
    return {
        name: [v for v in frame[name] if v not in known[name]]
        for name in frame
        if any(v not in known[name] for v in frame[name])
    }


def test_every_column_is_missing_once_by_itself_and_once_with_all_others() -> None:
    missing, *_ = odd_rows(FEATURES)
    can = ["income", "town", "since", "half"]
    assert missing[can].isna().to_numpy().tolist() == [
        [row in (at, 4) for at in range(4)] for row in range(4)
    ] + [[True] * 4]
    assert not missing[["age", "member"]].isna().to_numpy().any()


def test_texts_are_unknown_and_numbers_are_extreme() -> None:
    _missing, unknown, least, most = odd_rows(FEATURES)
    assert changed(unknown) == {"town": [UNKNOWN] * 2}
    assert changed(least) == {
        "income": [-1e38] * 2, "age": [-128] * 2, "half": [-65504.0] * 2,
    }  # fmt: skip
    assert changed(most) == {"income": [1e38] * 2, "age": [127] * 2, "half": [65504.0] * 2}


def test_columns_keep_their_names_and_types() -> None:
    for frame in odd_rows(FEATURES):
        assert list(frame.columns) == list(FEATURES.columns)
        assert dict(frame.dtypes) == dict(FEATURES.dtypes)


@pytest.mark.parametrize("names", [[0, 1], ["a", "a"], ["a", 1]])
def test_names_of_any_kind_do(names: list[Any]) -> None:
    features = pd.DataFrame(np.zeros((3, 2)))
    features.columns = names
    assert [list(frame.columns) for frame in odd_rows(features)] == [names] * 3


def test_of_very_many_columns_some_are_changed() -> None:
    features = pd.DataFrame(np.zeros((3, MOST_COLUMNS * 4)))
    missing, *_ = odd_rows(features)
    assert missing.shape == (MOST_COLUMNS + 1, MOST_COLUMNS * 4)
    assert missing.head(MOST_COLUMNS).isna().to_numpy().sum(axis=1).tolist() == [1] * MOST_COLUMNS
    assert missing.tail(1).isna().all(axis=None)


@pytest.mark.parametrize(
    "features",
    [
        pd.DataFrame({"member": [True]}),
        pd.DataFrame({"a": [1.0]}).head(0),
        pd.DataFrame(index=[0, 1]),
        pd.DataFrame({"parts": [[1], [2]]}),
        pd.DataFrame({"whole": pd.array([1, None], dtype="Int64")}),
        pd.DataFrame({"kind": pd.Categorical(["x", "y"])}),
        pd.DataFrame({"text": pd.array(["x", "y"], dtype="string")}),
    ],
    ids=repr,
)
def test_columns_of_any_kind_do(features: pd.DataFrame) -> None:
    for frame in odd_rows(features):
        assert dict(frame.dtypes) == dict(features.dtypes)


def asked(answer: Callable[[pd.DataFrame], object], frame: pd.DataFrame) -> list[int]:
    """Return how many rows a model was asked about at a time."""
    sizes = []

    def predict(rows: pd.DataFrame) -> object:
        sizes.append(len(rows))
        return answer(rows)

    jobs._survive(predict, frame)
    return sizes


def refuse(_rows: pd.DataFrame) -> object:
    raise ValueError("expected no missing value")


def test_a_model_that_answers_is_asked_once_and_one_that_refuses_row_by_row() -> None:
    missing, *_ = odd_rows(FEATURES)
    assert asked(lambda rows: rows, missing) == [5]
    assert asked(refuse, missing) == [5, 1, 1, 1, 1, 1]
    assert asked(refuse, missing.head(1)) == [1]


def test_a_model_that_refuses_very_many_rows_is_not_asked_about_all_of_them() -> None:
    frame = pd.DataFrame(np.zeros((100, 1)))
    assert len(asked(refuse, frame)) == 1 + jobs.MOST_SINGLE_ROWS + 1
