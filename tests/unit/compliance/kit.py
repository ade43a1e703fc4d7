"""Facts for rules, made of what a test cares about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from compliance.checks.check import Context
from compliance.domain.facts import Evaluation, Facts, Lineage, Missing, Probe, Scan, Task
from compliance.domain.result import Outcome

NOTHING = Missing(Outcome.INSUFFICIENT, "no evidence binding", "acgs evidence add")
COMPLETE = Lineage("run1", "data1", "commit1")


def facts(evaluation: Evaluation | Missing = NOTHING, **changes: Any) -> Facts:
    values: dict[str, Any] = {
        "name": "credit",
        "semver": "1.0.0",
        "task": None if isinstance(evaluation, Missing) else evaluation.task,
        "evaluation": evaluation,
        "scan": Scan((), 5),
        "lineage": COMPLETE,
        "signature_inputs": 4,
        "signature_outputs": 1,
        "description": "Decides consumer loans up to 20,000. " * 4,
        **changes,
    }
    return Facts(**values)


def context(evaluation: Evaluation | Missing = NOTHING, seed: int = 7, **changes: Any) -> Context:
    return Context("the.rule", seed, facts(evaluation, **changes))


def classification(
    labels: Any,
    predictions: Any,
    groups: Mapping[str, Any] | None = None,
    probes: tuple[Probe, ...] = (),
    positive: int | None = 1,
) -> Evaluation:
    return Evaluation(
        task=Task.CLASSIFICATION,
        labels=np.asarray(labels, dtype=float),
        predictions=np.asarray(predictions, dtype=float),
        classes=("0", "1"),
        positive=positive,
        groups={k: np.asarray(v, dtype=str) for k, v in (groups or {}).items()},
        probes={"the.rule": probes},
    )


def regression(labels: Any, predictions: Any, probes: tuple[Probe, ...] = ()) -> Evaluation:
    return Evaluation(
        task=Task.REGRESSION,
        labels=np.asarray(labels, dtype=float),
        predictions=np.asarray(predictions, dtype=float),
        probes={"the.rule": probes},
    )


BUNDLED = Path(__file__).parents[3] / "compliance" / "constitution" / "constitution.yaml"
