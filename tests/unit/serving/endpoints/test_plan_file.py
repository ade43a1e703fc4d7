"""A plan from a file, and what the command line puts in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.domain.plan import PlanError, RolloutPlan, Step, Strategy
from serving.endpoints.plan_file import read_plan

CANARY = """
strategy: canary
steps:
  - {weight_percent: 5, hold_seconds: 2}
  - {weight_percent: 100, hold_seconds: 3}
checks: {alpha: 0.1}
replicas: 2
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "plan.yaml"
    written.write_text(CANARY)
    return written


def test_without_a_file_and_options_a_plan_is_the_default() -> None:
    assert read_plan(None, None, None) == RolloutPlan()


def test_a_file_says_the_whole_plan(file: Path) -> None:
    plan = read_plan(file, None, None)
    assert plan.steps == (Step(5, 2.0), Step(100, 3.0))
    assert (plan.checks.alpha, plan.replicas) == (0.1, 2)


def test_steps_of_the_command_line_take_the_place_of_the_files(file: Path) -> None:
    plan = read_plan(file, None, "10:7,100")
    assert plan.steps == (Step(10, 7.0), Step(100, 20.0))
    plan = read_plan(file, None, "10:7,100", hold_seconds=1.0)
    assert plan.steps == (Step(10, 7.0), Step(100, 1.0))
    assert plan.checks.alpha == 0.1


def test_a_hold_without_steps_is_that_of_every_step_of_the_plan_in_effect(file: Path) -> None:
    assert read_plan(None, None, None, 5.0).steps == (Step(10, 5.0), Step(50, 5.0), Step(100, 5.0))
    assert read_plan(file, None, None, 5.0).steps == (Step(5, 5.0), Step(100, 5.0))


@pytest.mark.parametrize(
    ("strategy", "hold_seconds", "told"),
    [
        ("blue_green", 5.0, "expected the strategy canary, which goes by steps, found blue_green"),
        ("immediate", 5.0, "expected the strategy canary, which goes by steps, found immediate"),
        (None, -1.0, "expected hold_seconds >= 0"),
        (None, float("nan"), "expected hold_seconds >= 0"),
        (None, 600.0, "expected more than the longest hold"),
    ],
)
def test_a_hold_that_no_step_can_have_is_refused_with_what_to_do(
    strategy: str | None, hold_seconds: float, told: str
) -> None:
    with pytest.raises(PlanError) as wrong:
        read_plan(None, strategy, None, hold_seconds)
    assert told in wrong.value.message
    assert wrong.value.hint


def test_another_strategy_leaves_out_the_files_steps_and_the_same_one_keeps_them(
    file: Path,
) -> None:
    changed = read_plan(file, "blue_green", None)
    assert (changed.strategy, changed.steps) == (Strategy.BLUE_GREEN, (Step(100, 60.0),))
    assert changed.replicas == 2
    assert read_plan(file, "canary", None) == read_plan(file, None, None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("replicas: 0", "replicas: expected in 1..16, found 0"),
        ("replica: 2", "expected only the keys"),
        ("steps: [50]", "expected a mapping, found 50"),
        ("replicas: 1\nreplicas: 2", "'replicas' is repeated here"),
        ("strategy: [", "expected valid YAML"),
        ("- 10", "expected keys such as strategy and steps, found list"),
        ("", "expected keys such as strategy and steps, found NoneType"),
        ("1: 2", "expected only the keys"),
        ("strategy: !!python/name:os.system", "expected valid YAML"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_with_what_to_do(
    file: Path, text: str, told: str
) -> None:
    file.write_text(text)
    with pytest.raises(PlanError) as wrong:
        read_plan(file, None, None)
    assert told in wrong.value.message
    assert wrong.value.hint


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"plan\.yaml: expected a readable YAML file, found: No"):
        read_plan(tmp_path / "plan.yaml", None, None)


@pytest.mark.parametrize("steps", ["ten", "10:x,100", "", "10,,100"])
def test_steps_that_are_no_numbers_are_refused(steps: str) -> None:
    with pytest.raises(PlanError, match="--steps: expected whole percents"):
        read_plan(None, None, steps)
