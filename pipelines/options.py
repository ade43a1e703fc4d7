"""Shared parts of the project's entry points: options, the MLflow run, error reports."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from pipelines.steps.data import CREDIT_HOLDOUT_ROWS, CREDIT_TRAIN_ROWS, DEFAULT_SEED, DatasetName

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.data.pandas_dataset import PandasDataset

F = TypeVar("F", bound=Callable[..., object])

dataset = click.option(
    "--dataset",
    type=click.Choice([name.value for name in DatasetName]),
    default=DatasetName.BREAST_CANCER.value,
    help="Data to use.",
)


def data_sizes(function: F) -> F:
    """Add the options that say which rows: --seed, --train-rows, --holdout-rows."""
    whole = click.IntRange(min=1)
    for option in (
        click.option(
            "--holdout-rows",
            type=whole,
            default=CREDIT_HOLDOUT_ROWS,
            help="Holdout rows of the credit data.",
        ),
        click.option(
            "--train-rows",
            type=whole,
            default=CREDIT_TRAIN_ROWS,
            help="Training rows of the credit data.",
        ),
        click.option(
            "--seed",
            type=click.IntRange(min=0),
            default=DEFAULT_SEED,
            help="Seed of the split and of the generated data.",
        ),
    ):
        function = option(function)
    return function


@contextmanager
def run(experiment: str, name: str) -> Iterator[str]:
    """Log to the run that `mlflow run` began, to the caller's active run, or to a new one."""
    import mlflow

    active = mlflow.active_run()
    if active is not None:
        yield str(active.info.run_id)
        return
    given = os.environ.get("MLFLOW_RUN_ID")
    if not given and not os.environ.get("MLFLOW_EXPERIMENT_ID"):
        mlflow.set_experiment(experiment)
    with mlflow.start_run(run_name=None if given else name) as begun:
        yield str(begun.info.run_id)


def log_params(params: Mapping[str, object]) -> None:
    """Log parameters of the active run, leaving those that `mlflow run` has logged already.

    MLflow refuses a parameter that comes a second time spelt differently (`1` and `1.0`).
    """
    import mlflow

    active = mlflow.active_run()
    known = mlflow.MlflowClient().get_run(active.info.run_id).data.params if active else {}
    mlflow.log_params(
        {key: value for key, value in params.items() if key not in known and value is not None}
    )


def log_rows(rows: pd.DataFrame, *, name: str, label: str, context: str) -> PandasDataset:
    """Record rows as an input of the active run: MLflow's short digest, and the full one as a tag.

    Args:
        rows: with the label among the columns.
        name: of the dataset in the UI.
        label: column that is learnt or judged on.
        context: "training" or "evaluation".
    """
    import mlflow

    from pipelines.steps import data

    digest = data.digest(rows)
    with warnings.catch_warnings():
        # A hint about empty values in whole-number columns: labels are never empty.
        warnings.filterwarnings("ignore", message="Hint: Inferred schema contains integer")
        frame = mlflow.data.from_pandas(rows, targets=label, name=name, digest=digest[:36])
        mlflow.log_input(frame, context=context, tags={"sha256": digest})
    return frame


def say(message: str) -> None:
    """Print a line on stderr; stdout is for results."""
    click.echo(message, err=True)


def run_as_program(command: click.Command) -> None:
    """Run one command as a program, with the error messages and exit codes of `acgs`."""
    from infra.console.cli import invoke

    spec = sys.modules["__main__"].__spec__
    program = f"python -m {spec.name}" if spec else str(command.name)
    sys.exit(invoke(sys.argv[1:], command, program))
