"""Credit models for the tests: trained once, registered as often as wanted."""

from __future__ import annotations

import shutil
import tempfile
import uuid
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Dataset, DatasetInput
from mlflow.models import infer_signature

from infra.settings import Settings
from pipelines.steps import data, models
from pipelines.steps.models import Recipe
from tests.support.platform import Platform

PATTERNS = ("credit*", "asks-approval*", "observed*", "warned*", "scratch*", "plain*", "out*")
DESCRIPTION = (
    "Tells which applicants will repay a loan, for human review; not for automatic refusal."
)
TRAIN_ROWS = 20_000


@dataclass(frozen=True)
class Registered:
    """A version in the registry."""

    name: str
    number: int
    run_id: str
    source: str


@cache
def dataset(train_rows: int = TRAIN_ROWS) -> data.Dataset:
    return data.load(data.DatasetName.CREDIT, train_rows=train_rows)


def bind_evidence(settings: Settings) -> None:
    """Pin the credit holdout for every name that the tests use."""
    from compliance.evidence import evidence_file

    rows = dataset()
    with tempfile.TemporaryDirectory() as folder:
        holdout = Path(folder) / "holdout.csv"
        holdout.write_bytes(data.canonical_bytes(rows.holdout))
        for pattern in PATTERNS:
            evidence_file.add(
                settings,
                holdout,
                {
                    "pattern": pattern,
                    "task": rows.task.value,
                    "label": rows.label,
                    "sensitive": list(rows.sensitive),
                    "features": list(rows.features),
                },
            )


@cache
def saved(recipe: Recipe, *, signature: bool = True) -> Path:
    """Fit a recipe and save it as MLflow does; made once per test run."""
    rows = dataset()
    features = rows.train[list(rows.features)]
    pipeline = models.build(recipe, rows.task)
    pipeline.fit(features, rows.train[models.training_label(recipe, rows)])
    folder = Path(tempfile.mkdtemp()) / "model"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.sklearn.save_model(
            pipeline,
            str(folder),
            signature=infer_signature(features.astype(float), rows.train[rows.label])
            if signature
            else None,
            serialization_format="skops",
            skops_trusted_types=["numpy.dtype"],
            pip_requirements=["scikit-learn", "skops"],
        )
    return folder


def register(
    platform: Platform,
    name: str,
    recipe: Recipe = Recipe.BASELINE,
    *,
    folder: Path | None = None,
    description: str = DESCRIPTION,
    lineage: bool = True,
) -> Registered:
    """Log a saved model in a run of its own and register it, as `log_model` would."""
    client = platform.client()
    experiment = client.get_experiment_by_name("tests")
    experiment_id = experiment.experiment_id if experiment else client.create_experiment("tests")
    run = client.create_run(experiment_id)
    run_id = run.info.run_id
    if lineage:
        client.set_tag(run_id, "mlflow.source.git.commit", "0" * 40)
        source = Dataset(name="credit", digest="1" * 32, source_type="local", source="{}")
        client.log_inputs(run_id, [DatasetInput(source)])
    store(platform, run.info.artifact_uri, folder or saved(recipe))
    client.set_terminated(run_id)
    _ensure_model(client, name, description)
    source_uri = f"{run.info.artifact_uri}/model"
    created = client.create_model_version(name, source_uri, run_id=run_id)
    return Registered(name, int(created.version), run_id, source_uri)


def store(platform: Platform, artifact_uri: str, folder: Path) -> None:
    """Put the files where the server's artifact proxy would, with a digest of their own."""
    relative = artifact_uri.removeprefix("mlflow-artifacts:").strip("/")
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "model"
        shutil.copytree(folder, copy)
        with (copy / "python_env.yaml").open("a") as file:
            file.write(f"# {uuid.uuid4()}\n")
        platform.put_artifacts(f"{relative}/model", copy)


def place(version: Registered) -> str:
    """Where a version's files lie below the artifact root."""
    return version.source.removeprefix("mlflow-artifacts:/").strip("/")


def content(platform: Platform, version: Registered) -> dict[str, bytes]:
    """A version's files in the artifact root, by their paths."""
    folder = platform.root / "artifacts" / place(version)
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _ensure_model(client: Any, name: str, description: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name, description=description)
    except MlflowException as err:
        if err.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def unique(prefix: str) -> str:
    """Return a model name that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"
