"""Checks whether a model is right often enough on data it was not trained on."""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field

from compliance.checks.check import Check, Context, NoParams, Params
from compliance.domain.facts import Evaluation, Missing, Task
from compliance.domain.result import JsonValue, Outcome, RuleResult, failed_with, measured

Z_95 = 1.959963984540054
HISTOGRAM_BINS = 24
HISTOGRAM_SPAN = 3.0
"""Range of the histogram of errors, in root mean square errors; its outer bins hold the rest."""
MAX_CONFUSION_CLASSES = 50
"""A larger table is no use to a reader, and that of a million classes fits no memory."""


class AccuracyParams(Params):
    """Bounds for the lower end of the 95 % interval of the accuracy."""

    floor: float = Field(0.70, ge=0, le=1)
    target: float = Field(0.80, ge=0, le=1)


class R2Params(Params):
    """Bounds for the lower end of the 95 % interval of R squared."""

    floor: float = Field(0.0, ge=-1, le=1)
    target: float = Field(0.20, ge=-1, le=1)
    min_rows: int = Field(30, ge=2)


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Return the two-sided 95 % interval of a proportion, within [0, 1].

    Args:
        successes: in [0, n].
        n: at least 1.

    Source: Wilson (1927), JASA 22; keeps its coverage near 0 and 1, where Wald's does not.
    """
    p = successes / n
    centre = (p + Z_95**2 / (2 * n)) / (1 + Z_95**2 / n)
    half = Z_95 * math.sqrt(p * (1 - p) / n + Z_95**2 / (4 * n * n)) / (1 + Z_95**2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def confusion(evaluation: Evaluation) -> list[list[int]]:
    """Return the confusion matrix: rows by true class, columns by predicted class."""
    size = len(evaluation.classes)
    counts = np.zeros((size, size), dtype=np.int64)
    np.add.at(counts, (evaluation.labels.astype(int), evaluation.predictions.astype(int)), 1)
    return [[int(cell) for cell in row] for row in counts]


def accuracy(params: AccuracyParams, context: Context) -> RuleResult:
    """Grade the lower bound of the accuracy: a small holdout proves little."""
    expected = f"95 % lower bound of accuracy >= {params.target:.3f}"
    evaluation = context.facts.evaluation
    if isinstance(evaluation, Missing):
        return evaluation.result(expected)
    right = int(np.sum(evaluation.labels == evaluation.predictions))
    low, high = wilson(right, evaluation.n)
    details: dict[str, JsonValue] = {
        "correct": right,
        "accuracy": right / evaluation.n,
    }
    if len(evaluation.classes) <= MAX_CONFUSION_CLASSES:
        details["classes"] = list(evaluation.classes)
        details["confusion"] = [list(row) for row in confusion(evaluation)]
    return measured(
        low,
        floor=params.floor,
        target=params.target,
        observed=f"{low:.3f} (accuracy {right / evaluation.n:.3f}, n={evaluation.n})",
        expected=expected,
        fix="improve the model, or pin a larger holdout if the interval is wide",
        n=evaluation.n,
        interval=(low, high),
        details=details,
    )


def beats_majority(_params: NoParams, context: Context) -> RuleResult:
    """Pass when the model is surely better than always answering the commonest class."""
    expected = "95 % lower bound of accuracy above the share of the commonest class"
    evaluation = context.facts.evaluation
    if isinstance(evaluation, Missing):
        return evaluation.result(expected)
    right = int(np.sum(evaluation.labels == evaluation.predictions))
    low, high = wilson(right, evaluation.n)
    share = float(np.bincount(evaluation.labels.astype(int)).max() / evaluation.n)
    passed = low > share
    return RuleResult(
        outcome=Outcome.PASS if passed else Outcome.FAIL,
        score=1.0 if passed else 0.0,
        observed=f"{low:.3f} against {share:.3f}",
        expected=expected,
        fix="" if passed else "the model has learnt too little: look at features and class weights",
        n=evaluation.n,
        interval=(low, high),
        details={"majority_share": share},
    )


def r2_interval(labels: np.ndarray, predictions: np.ndarray) -> tuple[float, float, float]:
    """Return R squared with its two-sided 95 % interval, by the delta method.

    1 - R squared is a ratio of two means, squared error over squared deviation.

    Returns:
        (R squared, lower, upper); NaN when the labels do not vary.

    Source: Cochran (1977), Sampling Techniques, 3rd ed., section 6.4 (ratio estimator).
    """
    with np.errstate(over="ignore", invalid="ignore"):
        error = (labels - predictions) ** 2
        deviation = (labels - labels.mean()) ** 2
        spread = float(deviation.mean())
        if spread == 0:
            return math.nan, math.nan, math.nan
        ratio = float(error.mean()) / spread
        influence = (error - ratio * deviation) / spread
        half = Z_95 * float(influence.std(ddof=1)) / math.sqrt(len(labels))
    return 1 - ratio, 1 - ratio - half, 1 - ratio + half


def r2(params: R2Params, context: Context) -> RuleResult:
    """Grade the lower bound of the explained share of the variance."""
    expected = f"95 % lower bound of R² >= {params.target:.3f}"
    evaluation = context.facts.evaluation
    if isinstance(evaluation, Missing):
        return evaluation.result(expected)
    if evaluation.n < params.min_rows:
        return failed_with(
            Outcome.INSUFFICIENT,
            f"{evaluation.n} holdout rows",
            f"at least {params.min_rows} holdout rows",
            "pin a larger holdout: acgs evidence add",
        )
    if not evaluation.labels_vary:
        return failed_with(
            Outcome.INSUFFICIENT,
            "labels that are all the same",
            "labels that vary",
            "pin a holdout whose labels vary: acgs evidence add",
        )
    value, low, high = r2_interval(evaluation.labels, evaluation.predictions)
    return measured(
        low,
        floor=params.floor,
        target=params.target,
        observed=f"{low:.3f} (R² {value:.3f}, n={evaluation.n})",
        expected=expected,
        fix="improve the model, or pin a larger holdout if the interval is wide",
        n=evaluation.n,
        interval=(low, high),
        details={"r2": value, **_residuals(evaluation)},
    )


def _residuals(evaluation: Evaluation) -> dict[str, JsonValue]:
    """Return the error's size and histogram; nothing where it is too large to be squared."""
    with np.errstate(over="ignore", invalid="ignore"):
        residual = evaluation.labels - evaluation.predictions
        rmse = float(np.sqrt(np.mean(residual**2)))
    if not math.isfinite(rmse * HISTOGRAM_SPAN * 2):
        return {}
    # Not from the least to the greatest error: those may be a label's own value.
    span = HISTOGRAM_SPAN * (rmse or 1.0)
    inside = np.clip(residual, -span, span)
    counts, edges = np.histogram(inside, bins=HISTOGRAM_BINS, range=(-span, span))
    return {
        "rmse": rmse,
        "residual_counts": [int(c) for c in counts],
        "residual_edges": [float(e) for e in edges],
    }


ACCURACY = Check("performance.accuracy", AccuracyParams, accuracy, frozenset({Task.CLASSIFICATION}))
BEATS_MAJORITY = Check(
    "performance.beats_majority", NoParams, beats_majority, frozenset({Task.CLASSIFICATION})
)
R2 = Check("performance.r2", R2Params, r2, frozenset({Task.REGRESSION}))
