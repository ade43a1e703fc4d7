from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from infra.errors import exit_code
from pipelines.demo import command
from pipelines.demo.outcomes import Outcomes
from pipelines.demo.show import Show


def _show() -> tuple[Show, io.StringIO]:
    seen = io.StringIO()
    return Show(Console(file=seen, highlight=False)), seen


def test_one_wrong_outcome_fails_the_demo_and_is_named(tmp_path: Path) -> None:
    outcomes = Outcomes()
    outcomes.equal("champion", 2, 2)
    outcomes.equal("canary", "succeeded", "rolled_back")
    show, _ = _show()

    with pytest.raises(command.WrongOutcomeError) as caught:
        command.judge(outcomes, show, tmp_path)

    assert exit_code(caught.value) == 1
    assert "1 of 2 outcomes were wrong" in caught.value.message
    assert "canary: expected succeeded, found rolled_back" in caught.value.message
    assert "champion" not in caught.value.message


def test_right_outcomes_end_well(tmp_path: Path) -> None:
    outcomes = Outcomes()
    outcomes.equal("champion", 2, 2)
    show, seen = _show()

    command.judge(outcomes, show, tmp_path)

    assert "All 1 outcomes were the right ones" in seen.getvalue()


def test_a_log_gets_plain_lines_without_control_characters() -> None:
    show, seen = _show()

    show.scene("1  First")
    show.progress("waiting for [brackets]")
    show.say("a long line " * 30)
    show.outcome(Outcomes().equal("champion", 2, 1))
    show.end_scene("done")
    show.close()

    text = seen.getvalue()
    assert "\x1b" not in text
    assert "WRONG champion: expected 2, found 1" in text
    assert max(map(len, text.splitlines())) > 300
    assert [scene.result for scene in show.scenes] == ["done"]


def test_progress_is_told_to_a_log_only_every_few_seconds() -> None:
    show, seen = _show()
    show._last_progress = ("", show.elapsed_seconds)

    for number in range(50):
        show.progress(f"step {number}")

    assert "step" not in seen.getvalue()
