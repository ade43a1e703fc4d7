"""No change of one part of a model that is let through ends a process or reads foreign memory.

`python -m tests.support.mutants_hunt` makes all changes instead of some, of classes by name.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

from tests.support.configured_estimators import CONFIGURED, configured
from tests.support.fitted_estimators import ESTIMATORS
from tests.support.judged_models import refusals
from tests.support.mutants_runner import Runner

MOST = 15
"""Changes of each estimator; all would take an hour."""
NAMES = sorted(set(ESTIMATORS) - {"HDBSCAN"})  # is refused as it is


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    made = Runner()
    yield made
    made.close()


@pytest.mark.parametrize("name", CONFIGURED)
@pytest.mark.filterwarnings("ignore")
def test_other_settings_pass(name: str) -> None:
    assert refusals(pickle.dumps(configured(name)[0]), "pickle")[1] == ()


@pytest.mark.slow  # thousands of changes, each asked in a process of its own
@pytest.mark.parametrize("name", [*NAMES, *CONFIGURED])
def test_a_change_that_is_let_through_answers_from_memory_of_its_own(
    name: str, runner: Runner
) -> None:
    assert runner.ask(name, MOST)["found"] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["FeatureAgglomeration", "EllipticEnvelope", "rare categories", "brute force",
     "linear vectors", "trees of holes"],
)  # fmt: skip
def test_what_the_judge_refuses_would_have_been_found(name: str, runner: Runner) -> None:
    # Whether foreign memory shows depends on what lies there, which the kernel shuffles.
    assert any(runner.ask(name, judged=False)["found"] for _ in range(4))
