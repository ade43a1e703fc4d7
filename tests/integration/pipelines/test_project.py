"""The MLproject, run as a data scientist runs it, against a real local store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra import origin

PROJECT_FOLDER = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent
# Tools leave these beside the code; none of them holds a run.
CACHES = {".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".import_linter_cache"}


def _run(root: Path, *arguments: str) -> dict[str, Any]:
    """Run the project without naming a tracking store; return what the program printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "ACGS_"))}
    environment |= {
        "MLOPS_STORAGE_ROOT": str(root),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PYTHONWARNINGS": "ignore",
    }
    done = subprocess.run(
        [BIN / "mlflow", "run", ".", "--env-manager", "local", *arguments],
        cwd=PROJECT_FOLDER,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    return found


def _clone() -> set[str]:
    return {path.name for path in PROJECT_FOLDER.iterdir()} - CACHES


@pytest.mark.parametrize(
    ("dataset", "metric", "floor"),
    [
        ("breast_cancer", "holdout_accuracy", 0.93),
        ("diabetes", "holdout_r2", 0.40),
        ("credit", "holdout_accuracy", 0.90),
    ],
)
def test_train_then_evaluate_leaves_its_runs_in_the_storage_root_alone(
    tmp_path: Path, dataset: str, metric: str, floor: float
) -> None:
    import mlflow

    before = _clone()
    commit = origin.commit()

    trained = _run(tmp_path, "-e", "train", "-P", f"dataset={dataset}")
    evaluated = _run(tmp_path, "-e", "evaluate", "-P", f"dataset={dataset}")

    assert _clone() == before
    assert evaluated["metrics"][metric] > floor
    assert evaluated["model_uri"] == trained["model_uri"]
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'offline' / 'mlflow.db'}")
    run = client.get_run(trained["run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.params["dataset"] == dataset
    assert run.data.tags["mlflow.source.git.commit"] == commit
    assert run.data.tags["dataset.sha256"] == trained["dataset_digest"]
    inputs = run.inputs.dataset_inputs
    assert [i.dataset.digest for i in inputs] == [trained["dataset_digest"][:36]]
    model = client.get_logged_model(trained["model_uri"].removeprefix("models:/"))
    assert Path(model.artifact_location.removeprefix("file://")).is_relative_to(tmp_path)


def test_the_main_entry_point_trains_and_measures_in_one_run(tmp_path: Path) -> None:
    before = _clone()

    found = _run(tmp_path, "-P", "model=better")

    assert _clone() == before
    assert found["trained"]["run_id"] == found["evaluated"]["run_id"]
    assert found["evaluated"]["rows"] == 171
