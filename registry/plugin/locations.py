"""Lets clients place experiments inside the artifact roots alone.

MLflow's server writes the files of an experiment's runs and logged models where the experiment is
said to be, in the server's own name.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from infra.settings import Settings
from registry.files.adapters.writable_places import require_location
from registry.plugin.mlflow_errors import translated


def install(settings: Settings) -> None:
    """Install the check in front of the method that every route calls."""
    create = getattr(SqlAlchemyStore.create_experiment, "__wrapped__", None)
    create = create or SqlAlchemyStore.create_experiment

    @wraps(create)
    def call(
        store: Any, name: Any, artifact_location: str | None = None, *given: Any, **named: Any
    ) -> Any:
        if artifact_location:
            translated(require_location)(settings, artifact_location)
        return create(store, name, artifact_location, *given, **named)

    SqlAlchemyStore.create_experiment = call
