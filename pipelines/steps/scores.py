"""Measures how well predictions fit a label."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from pipelines.steps.data import Task

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def measure(task: Task, truth: ArrayLike, predicted: ArrayLike) -> dict[str, float]:
    """Return the task's metrics.

    Args:
        task: what kind of label.
        truth, predicted: equally long, at least two rows; classes 0 and 1 for classification.

    Returns:
        Classification: accuracy, balanced_accuracy and f1, each in [0, 1].
        Regression: r2 (at most 1), rmse and mae in the label's unit.
    """
    from sklearn import metrics

    match task:
        case Task.CLASSIFICATION:
            return {
                "accuracy": float(metrics.accuracy_score(truth, predicted)),
                "balanced_accuracy": float(metrics.balanced_accuracy_score(truth, predicted)),
                "f1": float(metrics.f1_score(truth, predicted)),
            }
        case Task.REGRESSION:
            return {
                "r2": float(metrics.r2_score(truth, predicted)),
                "rmse": float(metrics.root_mean_squared_error(truth, predicted)),
                "mae": float(metrics.mean_absolute_error(truth, predicted)),
            }
        case _:
            assert_never(task)
