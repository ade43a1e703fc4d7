from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import UsageError
from pipelines.steps import data
from pipelines.steps.data import DatasetName

# The credit holdout's bytes are what the scorer pins: another value here means that every
# published digest, and every verdict on it, is void.
CREDIT_HOLDOUT = "sha256:266edef420033c549ef50d3c2d1fdb248435d6e84939db646eae1aeabfa74c5a"


@pytest.mark.parametrize(
    ("name", "train", "holdout", "features"),
    [
        (DatasetName.BREAST_CANCER, 398, 171, 30),
        (DatasetName.DIABETES, 309, 133, 10),
        (DatasetName.CREDIT, 20_000, 10_000, 6),
    ],
)
def test_shapes_are_the_documented_ones(
    name: DatasetName, train: int, holdout: int, features: int
) -> None:
    found = data.load(name)

    assert (len(found.train), len(found.holdout), len(found.features)) == (train, holdout, features)
    assert (found.train[list(found.features)].dtypes == "float64").all()
    assert found.label not in found.features
    assert not set(found.sensitive) & set(found.features)


def test_the_default_credit_holdout_has_its_published_digest() -> None:
    assert data.digest(data.load(DatasetName.CREDIT).holdout) == CREDIT_HOLDOUT


@pytest.mark.parametrize("name", [DatasetName.BREAST_CANCER, DatasetName.DIABETES])
def test_no_holdout_row_is_a_training_row(name: DatasetName) -> None:
    found = data.load(name)

    rows = set(map(tuple, found.train.to_numpy().tolist()))
    assert not rows & set(map(tuple, found.holdout.to_numpy().tolist()))


@given(seed=st.integers(0, 2**32), rows=st.integers(1, 50))
@settings(max_examples=20, deadline=None)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(seed: int, rows: int) -> None:
    def digests(chosen: int) -> tuple[str, str]:
        found = data.load(DatasetName.CREDIT, seed=chosen, train_rows=rows, holdout_rows=rows)
        return data.digest(found.train), data.digest(found.holdout)

    assert digests(seed) == digests(seed)
    assert digests(seed) != digests(seed + 1)
    assert digests(seed)[0] != digests(seed)[1]


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"train_rows": 0}, {"holdout_rows": 0}])
def test_impossible_sizes_are_refused_with_what_was_found(wrong: dict[str, int]) -> None:
    with pytest.raises(
        UsageError, match=rf"found.*{next(iter(wrong))}={next(iter(wrong.values()))}"
    ):
        data.load(DatasetName.CREDIT, **wrong)
