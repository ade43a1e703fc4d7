"""Train, then measure on the holdout rows, in one run: what `mlflow run .` does.

python -m pipelines.main --dataset diabetes
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from pipelines import options
from pipelines.evaluate import evaluate
from pipelines.steps import tracking
from pipelines.steps.data import DatasetName
from pipelines.steps.models import Recipe
from pipelines.train import Job, train


@click.command(context_settings={"show_default": True})
@options.dataset
@click.option(
    "--model",
    type=click.Choice([r.value for r in Recipe]),
    default="baseline",
    help="Recipe to fit.",
)
@options.data_sizes
def main(dataset: str, model: str, **sizes: Any) -> None:
    """Train one model and measure it; print both results as JSON."""
    from pipelines.steps import data

    options.say(f"tracking: {tracking.use_default()}")
    name = DatasetName(dataset)
    with options.run(name.value, f"{name}-{model}"):
        trained = train(Job(name, Recipe(model), **sizes))
        measured = evaluate(data.load(name, **sizes), trained.model_uri)
    click.echo(json.dumps({"trained": asdict(trained), "evaluated": asdict(measured)}, indent=2))


if __name__ == "__main__":
    options.run_as_program(main)
