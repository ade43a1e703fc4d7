"""Does a little measurement noise change the model's mind?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from compliance.rules.checks import Check, Context, Params, Perturbed
from compliance.rules.facts import Evaluation, Missing, Task
from compliance.rules.result import Outcome, RuleResult, failed_with, measured

if TYPE_CHECKING:
    import pandas as pd


class NoiseParams(Params):
    """How much noise, and how much change it may cause.

    `limit` and `ceiling` are shares of flipped answers for a classification, and root mean
    square change over the labels' standard deviation for a regression.
    """

    noise_sd_fraction: float = Field(0.05, gt=0, le=1)
    repeats: int = Field(3, ge=1, le=20)
    max_rows: int = Field(2000, ge=100)
    limit: float = Field(0.05, gt=0, le=1)
    ceiling: float = Field(0.20, gt=0, le=1)


def add_noise(params: NoiseParams, features: pd.DataFrame, seed: int) -> Sequence[Perturbed]:
    """Return copies of some rows with Gaussian noise on every numeric column.

    The noise is a fraction of each column's standard deviation; whole numbers stay whole and
    yes/no columns stay as they are, so that the model's signature still holds.
    """
    import pandas as pd

    rng = np.random.default_rng(seed)
    size = min(len(features), params.max_rows)
    rows = np.sort(rng.choice(len(features), size=size, replace=False)).astype(np.int64)
    found = []
    for _ in range(params.repeats):
        frame = features.iloc[rows].reset_index(drop=True)
        for column in features.columns:
            values = features[column]
            if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
                continue
            scale = params.noise_sd_fraction * float(values.std(ddof=0))
            noisy = frame[column].to_numpy() + rng.normal(0.0, scale, size)
            whole = pd.api.types.is_integer_dtype(values)
            frame[column] = (np.rint(noisy) if whole else noisy).astype(str(values.dtype))
        found.append(Perturbed(rows, frame))
    return found


def noise(params: NoiseParams, context: Context) -> RuleResult:
    """Grade how much the answers change under the noise."""
    percent = f"{params.noise_sd_fraction:.0%}".replace("%", " %")
    evaluation = context.facts.evaluation
    kind = "change" if context.facts.task is Task.REGRESSION else "share of flipped answers"
    expected = f"{kind} under {percent} noise <= {params.limit:.3f}"
    if isinstance(evaluation, Missing):
        return evaluation.result(expected)
    probes = evaluation.probes.get(context.rule_id, ())
    if not probes:
        return failed_with(Outcome.ERROR, "no perturbed predictions", expected, "report this")
    changes = [_change(evaluation, probe.rows, probe.predictions) for probe in probes]
    value = float(np.mean(changes))
    n = len(probes[0].rows)
    return measured(
        value,
        floor=params.ceiling,
        target=params.limit,
        observed=f"{value:.4f} (n={n}, {len(probes)} repeats)",
        expected=expected,
        fix="scale and regularise: the model hangs on differences smaller than measurement error",
        n=n,
        details={"changes": [float(change) for change in changes]},
    )


def _change(evaluation: Evaluation, rows: np.ndarray, noisy: np.ndarray) -> float:
    before = evaluation.predictions[rows]
    if evaluation.task is Task.CLASSIFICATION:
        return float(np.mean(before != noisy))
    spread = float(evaluation.labels.std())
    return float(np.sqrt(np.mean((before - noisy) ** 2)) / spread) if spread else float("nan")


NOISE = Check("robustness.noise", NoiseParams, noise, perturb=add_noise)
