"""A check that perturbs rows badly fails its own rule, and no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from compliance.checks.check import Judge, Perturbed
from compliance.domain.facts import Missing, Scan
from compliance.domain.result import Outcome
from compliance.errors import SandboxError
from compliance.judging import probes
from compliance.judging.service import _answer
from compliance.sandbox import Predictions
from tests.unit.compliance.kit import classification, context

CANARY = "Smith-4711"
FEATURES = pd.DataFrame({"a": [1.0, 2.0, 3.0], "parts": [[1], [2], [3]]})


class Prober:
    """Answers a frame's column `a`; fails where a cell is missing."""

    confinement: tuple[str, ...] = ()

    def scan(self, folder: Path) -> Scan:
        raise NotImplementedError

    def predict(
        self, folder: Path, frames: Sequence[pd.DataFrame], odd: Sequence[pd.DataFrame] = ()
    ) -> Predictions:
        if any(frame["a"].isna().any() for frame in frames):
            raise SandboxError(f"the model failed on predict: ValueError: {CANARY}")
        return Predictions(tuple(frame["a"].to_numpy() for frame in frames), 0.0, 0.0)


def plain(frame: pd.DataFrame, _seed: int) -> Sequence[Perturbed]:
    return [Perturbed(np.arange(2), frame.head(2))]


def raising(error: BaseException) -> Callable[[pd.DataFrame, int], Sequence[Perturbed]]:
    def fail(_frame: pd.DataFrame, _seed: int) -> Sequence[Perturbed]:
        raise error

    return fail


def returning(found: Any) -> Callable[[pd.DataFrame, int], Sequence[Perturbed]]:
    return lambda frame, _seed: found(frame)


def endless(frame: pd.DataFrame) -> Any:
    yield Perturbed(np.arange(2), frame.head(2))
    raise GeneratorExit(CANARY)


BROKEN = {
    "raises": raising(ValueError(CANARY)),
    "exits": raising(SystemExit(CANARY)),
    "ends a generator": raising(GeneratorExit(CANARY)),
    "raises what is no exception": raising(BaseException(CANARY)),
    "runs out of memory": raising(MemoryError(CANARY)),
    "fails half-way": returning(endless),
    "returns nothing": returning(lambda _f: None),
    "returns numbers": returning(lambda _f: [1, 2]),
    "returns no frame": returning(lambda _f: [Perturbed(np.arange(2), None)]),  # type: ignore[arg-type]
    "returns functions in cells": returning(
        lambda f: [Perturbed(np.arange(2), f.head(2).assign(a=[lambda: 1, 2]))]
    ),
    "miscounts its rows": returning(lambda f: [Perturbed(np.arange(9), f.head(2))]),
    "reaches beyond the rows": returning(lambda f: [Perturbed(np.array([0, 3]), f.head(2))]),
    "counts from the end": returning(lambda f: [Perturbed(np.array([0, -1]), f.head(2))]),
    "names rows by fractions": returning(lambda f: [Perturbed(np.array([0.0, 1.0]), f.head(2))]),
    "perturbs no row": returning(lambda f: [Perturbed(np.arange(0), f.head(0))]),
    "asks what the model cannot answer": returning(
        lambda f: [Perturbed(np.arange(2), f.head(2).assign(a=np.nan))]
    ),
}


def asked(perturb: Any) -> probes.Answered:
    judges = {"bad": Judge({}, lambda _c: None, perturb), "good": Judge({}, lambda _c: None, plain)}  # type: ignore[arg-type, return-value]
    found = probes.perturb(judges, FEATURES, "m", "d")
    return probes.ask(Prober(), Path(), FEATURES, found)


@pytest.mark.parametrize("name", BROKEN)
def test_a_perturbing_check_that_fails_leaves_the_others_their_answers(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    found = asked(BROKEN[name])
    assert [list(column) for column in found.in_order] == [[1, 2, 3], [1, 2]]
    assert set(found.rows) == {"good"}
    assert set(found.failed) == {"bad"}
    assert found.failed["bad"].outcome is Outcome.ERROR
    assert CANARY not in found.failed["bad"].found + caplog.text


def test_a_person_who_interrupts_is_heard() -> None:
    with pytest.raises(KeyboardInterrupt):
        asked(raising(KeyboardInterrupt()))


def test_a_check_that_changes_its_rows_changes_no_other_evidence() -> None:
    def change(frame: pd.DataFrame, _seed: int) -> Sequence[Perturbed]:
        frame["a"] = 0.0
        frame["parts"].iloc[0].append(9)
        return [Perturbed(np.arange(2), frame.head(2))]

    found = asked(change)
    assert [list(column) for column in found.in_order] == [[1, 2, 3], [0, 0], [1, 2]]
    assert FEATURES["parts"].tolist() == [[1], [2], [3]]


def test_a_model_that_fails_on_the_holdout_itself_is_no_fault_of_a_check() -> None:
    broken = FEATURES.assign(a=np.nan)
    found = probes.perturb({"good": Judge({}, lambda _c: None, plain)}, FEATURES, "m", "d")  # type: ignore[arg-type, return-value]
    with pytest.raises(SandboxError):
        probes.ask(Prober(), Path(), broken, found)


def test_a_rule_whose_rows_were_not_asked_says_why() -> None:
    why = Missing(Outcome.ERROR, "the check itself failed: ValueError at x:1", "report this")
    evaluation = classification([1, 0], [1, 0])
    object.__setattr__(evaluation, "unasked", {"the.rule": why})
    found = _answer(Judge({}, lambda _c: pytest.fail("asked"), plain), context(evaluation))
    assert (found.outcome, found.observed) == (Outcome.ERROR, why.found)
