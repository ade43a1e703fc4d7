"""Keeps a bare `mlflow run .` from writing `mlflow.db` and `mlruns/` into the clone.

`mlflow run` creates the run before it starts the entry point, so the entry point cannot say where
runs go. MLflow asks its default-experiment providers first, though, and an installed one may
answer by context: here, "the working directory is this project and no store was named".
"""

from __future__ import annotations

import os
from pathlib import Path


class ProjectDefaults:
    """An `mlflow.default_experiment_provider` plugin; it never picks an experiment itself."""

    def in_context(self) -> bool:
        """Choose the tracking store if MLflow would otherwise make one in this clone."""
        if not os.environ.get("MLFLOW_TRACKING_URI") and _in_project():
            from pipelines.steps import tracking

            tracking.use_default()
        return False

    def get_experiment_id(self) -> str | None:
        """Leave the experiment to MLflow."""
        return None


def _in_project() -> bool:
    return Path.cwd() == Path(__file__).resolve().parents[1]
