"""Checks whether a little measurement noise changes a model's answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from compliance.checks.check import Check, Context, Params, Perturbed
from compliance.domain.facts import Evaluation, Missing, Task
from compliance.domain.result import Outcome, RuleResult, failed_with, measured

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

    The noise is a fraction of each column's standard deviation. A column keeps its type: whole
    numbers stay whole and between the least and the greatest that the column holds, so that no
    count turns negative and no narrow type wraps; yes/no columns stay as they are.
    """
    import pandas as pd

    rng = np.random.default_rng(seed)
    size = min(len(features), params.max_rows)
    rows = np.sort(rng.choice(len(features), size=size, replace=False)).astype(np.int64)
    numeric = [
        column
        for column in features.columns
        if isinstance(features[column].dtype, np.dtype) and features[column].dtype.kind in "iuf"
    ]
    found = []
    for _ in range(params.repeats):
        frame = features.iloc[rows].reset_index(drop=True)
        for column in numeric:
            values = features[column].to_numpy()
            scale = params.noise_sd_fraction * _spread(values)
            noisy = _with_noise(values[rows], rng.normal(0.0, scale, size), values)
            frame[column] = pd.Series(noisy, index=frame.index)
        found.append(Perturbed(rows, frame))
    return found


def _spread(values: NDArray[Any]) -> float:
    """Return the standard deviation of what is finite; 0 where nothing is."""
    if values.dtype.kind in "iu":
        # From the least one up, exact modulo 2**64: floats cannot tell large neighbours apart.
        finite = (values.astype(np.uint64) - values.min().astype(np.uint64)).astype(np.float64)
    else:
        finite = values[np.isfinite(values)].astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        spread = float(finite.std()) if finite.size else 0.0
    return spread if np.isfinite(spread) else 0.0


def _with_noise(some: NDArray[Any], noise: NDArray[np.float64], all_: NDArray[Any]) -> NDArray[Any]:
    """Add noise within the type; `all_` is the whole column, whose range whole numbers keep."""
    found: NDArray[Any]
    if some.dtype.kind == "f":
        limits = np.finfo(some.dtype)
        with np.errstate(over="ignore"):
            noisy = np.clip(some + noise, float(limits.min), float(limits.max))
        # What was infinite or missing before stays so.
        found = np.where(np.isfinite(some), noisy, some).astype(some.dtype)
        return found
    # Python's whole numbers neither wrap nor lose the digits of a large one.
    exact = some.astype(object) + np.array([int(step) for step in np.rint(noise)], dtype=object)
    found = np.clip(exact, int(all_.min()), int(all_.max())).astype(some.dtype)
    return found


def noise(params: NoiseParams, context: Context) -> RuleResult:
    """Grade how much the answers change under noise."""
    percent = f"{params.noise_sd_fraction:.0%}".replace("%", " %")
    evaluation = context.facts.evaluation
    kind = "change" if context.facts.task is Task.REGRESSION else "share of flipped answers"
    expected = f"{kind} under {percent} noise <= {params.limit:.3f}"
    if isinstance(evaluation, Missing):
        return evaluation.result(expected)
    probes = evaluation.probes.get(context.rule_id, ())
    if not probes:
        return failed_with(Outcome.ERROR, "no perturbed predictions", expected, "report this")
    if evaluation.task is Task.REGRESSION and not evaluation.labels_vary:
        return failed_with(
            Outcome.INSUFFICIENT,
            "labels that are all the same",
            expected,
            "pin a holdout whose labels vary: acgs evidence add",
        )
    changes = [_change(evaluation, probe.rows, probe.predictions) for probe in probes]
    value = float(np.mean(changes))
    n = len(probes[0].rows)
    return measured(
        value,
        floor=params.ceiling,
        target=params.limit,
        observed=f"{value:.4f} (n={n}, {len(probes)} repeats)",
        expected=expected,
        fix="scale and regularise: the model depends on differences smaller than measurement error",
        n=n,
        details={"changes": [float(change) for change in changes]},
    )


def _change(evaluation: Evaluation, rows: np.ndarray, noisy: np.ndarray) -> float:
    before = evaluation.predictions[rows]
    if evaluation.task is Task.CLASSIFICATION:
        return float(np.mean(before != noisy))
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sqrt(np.mean((before - noisy) ** 2)) / float(evaluation.labels.std()))


NOISE = Check("robustness.noise", NoiseParams, noise, perturb=add_noise)
