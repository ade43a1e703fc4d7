"""Trains one recipe on one dataset and records all that judging will need.

    python -m pipelines.train --dataset credit --model better --register-as credit

The result, one JSON object, goes to stdout.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import click

from infra import origin
from infra.errors import UnavailableError
from pipelines import options
from pipelines.steps import tracking
from pipelines.steps.data import (
    CREDIT_HOLDOUT_ROWS,
    CREDIT_TRAIN_ROWS,
    DEFAULT_SEED,
    DatasetName,
    Task,
)
from pipelines.steps.models import SUMMARIES, Recipe

if TYPE_CHECKING:
    from mlflow.models import ModelSignature
    from sklearn.pipeline import Pipeline

    from pipelines.steps.data import Dataset

GIT_COMMIT_TAG = "mlflow.source.git.commit"
DATASET_TAG = "dataset"
DIGEST_TAG = "dataset.sha256"
"""Full digest of the training rows; MLflow's own digest column holds 36 characters."""


TRUSTED_TYPES = ("numpy.dtype",)
"""Beyond skops' own list: the imputer keeps the dtype it was fitted on."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to train.

    Attributes:
        dataset, model: what on what.
        seed: of the data, >= 0.
        train_rows, holdout_rows: sizes of the generated dataset.
        regularisation: L2 strength, > 0.
        register_as: name to register the model under, or None.
        description: for people; None for one made from the recipe and the data.
    """

    dataset: DatasetName
    model: Recipe
    seed: int = DEFAULT_SEED
    train_rows: int = CREDIT_TRAIN_ROWS
    holdout_rows: int = CREDIT_HOLDOUT_ROWS
    regularisation: float = 1.0
    register_as: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """The result of a training.

    Attributes:
        run_id: MLflow run.
        model_uri: `models:/m-...`.
        metrics: fit on the training rows, by name; they are claims, not evidence.
        dataset_digest: of the training rows.
        name, version: in the registry; None when not registered.
    """

    run_id: str
    model_uri: str
    metrics: dict[str, float]
    dataset_digest: str
    name: str | None = None
    version: int | None = None


def train(job: Job) -> Trained:
    """Fit, log and, if asked, register; the tracking store must have been chosen.

    Raises:
        UsageError: the recipe does not fit the dataset, or a number is out of range.
        UnavailableError: a name was given, but no server is there to register it with.
    """
    import mlflow

    from pipelines.steps import data, models

    if job.register_as and not tracking.is_server(mlflow.get_tracking_uri()):
        raise UnavailableError(
            f"cannot register {job.register_as!r}: expected a running registry, found the "
            f"offline store {mlflow.get_tracking_uri()}",
            hint="start the platform (acgs up), or set MLFLOW_TRACKING_URI to its server",
        )
    dataset = data.load(
        job.dataset, seed=job.seed, train_rows=job.train_rows, holdout_rows=job.holdout_rows
    )
    label = models.training_label(job.model, dataset)
    pipeline = models.build(job.model, dataset.task, regularisation=job.regularisation)
    pipeline.fit(dataset.train[list(dataset.features)], dataset.train[label])

    with options.run(job.dataset.value, f"{job.dataset}-{job.model}") as run_id:
        trained = _record(job, dataset, label, pipeline, run_id)
    return _register(job, trained) if job.register_as else trained


def _record(job: Job, dataset: Dataset, label: str, pipeline: Pipeline, run_id: str) -> Trained:
    import mlflow

    from pipelines.steps import data, scores

    inputs = dataset.train[list(dataset.features)]
    digest = data.digest(dataset.train)
    options.log_params({**asdict(job), "label": label, "train_rows": len(inputs)})
    mlflow.set_tags({DATASET_TAG: dataset.name.value, DIGEST_TAG: digest})
    _set_commit()
    frame = options.log_rows(
        dataset.train, name=dataset.name.value, label=label, context="training"
    )
    metrics = scores.measure(dataset.task, dataset.train[label], pipeline.predict(inputs))
    metrics = {f"train_{name}": value for name, value in metrics.items()}
    # skops, MLflow's default, is asked for by name: a pickle could not pass the artifact rule.
    logged = mlflow.sklearn.log_model(
        pipeline,
        name="model",
        signature=_signature(dataset),
        input_example=inputs.head(3),
        serialization_format="skops",
        skops_trusted_types=list(TRUSTED_TYPES),
        pip_requirements=_requirements(),
        metadata={"description": describe(job, dataset)},
    )
    mlflow.log_metrics(metrics, dataset=frame, model_id=logged.model_id)
    mlflow.set_tag("mlflow.note.content", describe(job, dataset))
    return Trained(run_id, logged.model_uri, metrics, digest)


def _signature(dataset: Dataset) -> ModelSignature:
    """Declare every input a double, so that an empty value (NaN) is legal.

    A whole-number column would make MLflow refuse empty values before the model ever saw them.
    """
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec

    label = np.dtype("int64" if dataset.task is Task.CLASSIFICATION else "float64")
    return ModelSignature(
        inputs=Schema([ColSpec(DataType.double, name) for name in dataset.features]),
        outputs=Schema([TensorSpec(label, (-1,))]),
    )


def _requirements() -> list[str]:
    """Name what loading needs, at the installed versions.

    MLflow would find out by loading the model in another process, which takes most of the time.
    """
    needed = ("mlflow", "numpy", "pandas", "scikit-learn", "scipy", "skops")
    return [f"{name}=={version(name)}" for name in needed]


def _set_commit() -> None:
    import mlflow

    run = mlflow.active_run()
    commit = origin.commit()
    if run is not None and commit and GIT_COMMIT_TAG not in run.data.tags:
        mlflow.set_tag(GIT_COMMIT_TAG, commit)


def describe(job: Job, dataset: Dataset) -> str:
    """Return the model's documentation: what it is, on what, for what, and its limits."""
    if job.description:
        return job.description
    unit = "class 0 or 1" if dataset.label != "progression" else "a number, 25 to 346"
    return "\n".join(
        (
            SUMMARIES[job.model],
            "",
            f"**Intended use**: predict `{dataset.label}` ({unit}) from {len(dataset.features)} "
            f"columns: {', '.join(dataset.features)}.",
            f"**Training data**: {len(dataset.train):,} rows, {dataset.source}.",
            f"**Limits**: not meant for inputs from another population; "
            f"{', '.join(dataset.sensitive) or 'no sensitive attribute'} "
            f"{'is never an input' if dataset.sensitive else 'is recorded'}.",
        )
    )


def _register(job: Job, trained: Trained) -> Trained:
    import mlflow
    from mlflow import MlflowClient

    assert job.register_as is not None
    registered = mlflow.register_model(trained.model_uri, job.register_as)
    client = MlflowClient()
    run = client.get_run(trained.run_id)
    client.update_model_version(
        job.register_as, registered.version, run.data.tags["mlflow.note.content"]
    )
    return Trained(
        trained.run_id,
        trained.model_uri,
        trained.metrics,
        trained.dataset_digest,
        job.register_as,
        int(registered.version),
    )


@click.command(context_settings={"show_default": True})
@options.dataset
@click.option(
    "--model",
    type=click.Choice([r.value for r in Recipe]),
    default="baseline",
    help="Recipe to fit.",
)
@options.data_sizes
@click.option(
    "--regularisation",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    help="Strength of the L2 penalty.",
)
@click.option("--register-as", default="", help="Name to register the model under.")
@click.option("--description", default="", help="Documentation of the model, in Markdown.")
def main(dataset: str, model: str, register_as: str, description: str, **numbers: Any) -> None:
    """Train one model and log it; print what came out as JSON."""
    options.say(f"tracking: {tracking.use_default()}")
    job = Job(
        DatasetName(dataset),
        Recipe(model),
        register_as=register_as or None,
        description=description or None,
        **numbers,
    )
    click.echo(json.dumps(asdict(train(job)), indent=2))


if __name__ == "__main__":
    options.run_as_program(main)
