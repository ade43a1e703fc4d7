"""Measures a logged model on the holdout rows, which the model has never seen.

    python -m pipelines.evaluate --dataset credit --model-uri models:/credit/1.0.0

The result, one JSON object, goes to stdout. These are numbers for the author; the scorer measures
for itself.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from infra.errors import NotFoundError
from pipelines import options
from pipelines.steps import tracking
from pipelines.steps.data import DatasetName
from pipelines.train import DATASET_TAG

if TYPE_CHECKING:
    from pipelines.steps.data import Dataset


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The result of a measurement.

    Attributes:
        run_id: MLflow run that holds the metrics.
        model_uri: the model measured.
        rows: how many holdout rows.
        dataset_digest: of those rows.
        metrics: by name, as `pipelines.steps.scores.measure`, with the prefix `holdout_`.
    """

    run_id: str
    model_uri: str
    rows: int
    dataset_digest: str
    metrics: dict[str, float]


def evaluate(dataset: Dataset, model_uri: str) -> Evaluated:
    """Measure a model and log the metrics; the tracking store must have been chosen.

    Raises:
        NotFoundError: no model can be loaded from the URI.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    from pipelines.steps import data, scores

    try:
        model = mlflow.pyfunc.load_model(model_uri)
    except (MlflowException, OSError) as err:
        raise NotFoundError(
            f"no model at {model_uri!r}: {err}",
            hint="give runs:/<run id>/model, models:/<name>/<version> or 'latest'",
        ) from err
    rows = dataset.holdout
    digest = data.digest(rows)
    predicted = model.predict(rows[list(dataset.features)])
    found = scores.measure(dataset.task, rows[dataset.label], predicted)
    metrics = {f"holdout_{name}": value for name, value in found.items()}
    with options.run(dataset.name.value, f"{dataset.name}-evaluation") as run_id:
        frame = options.log_rows(
            rows, name=f"{dataset.name}-holdout", label=dataset.label, context="evaluation"
        )
        options.log_params({"dataset": dataset.name.value, "model_uri": model_uri})
        mlflow.log_metrics(metrics, dataset=frame, model_id=model.model_id)
    return Evaluated(run_id, model_uri, len(rows), digest, metrics)


def latest_model(dataset: DatasetName) -> str:
    """Return the URI of the model trained last on the dataset.

    Raises:
        NotFoundError: none was trained in this tracking store.
    """
    import mlflow

    for run in mlflow.search_runs(
        search_all_experiments=True,
        filter_string=f"tags.{DATASET_TAG} = '{dataset}' and attributes.status = 'FINISHED'",
        order_by=["attributes.start_time DESC"],
        output_format="list",
    ):
        if run.outputs and run.outputs.model_outputs:
            return f"models:/{run.outputs.model_outputs[-1].model_id}"
    raise NotFoundError(
        f"no finished run has trained a model on {dataset} in {mlflow.get_tracking_uri()}",
        hint=f"python -m pipelines.train --dataset {dataset}",
    )


@click.command(context_settings={"show_default": True})
@options.dataset
@options.data_sizes
@click.option(
    "--model-uri",
    default="latest",
    help="Model to measure, or 'latest': the one trained last on the dataset.",
)
def main(dataset: str, model_uri: str, **sizes: Any) -> None:
    """Measure one model on the holdout rows; print the numbers as JSON."""
    from pipelines.steps import data

    options.say(f"tracking: {tracking.use_default()}")
    name = DatasetName(dataset)
    uri = latest_model(name) if model_uri == "latest" else model_uri
    click.echo(json.dumps(asdict(evaluate(data.load(name, **sizes), uri)), indent=2))


if __name__ == "__main__":
    options.run_as_program(main)
