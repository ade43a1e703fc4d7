"""Provides MLflow's registry store, governed, under its own URI scheme.

`acgs+sqlite://` and `acgs+postgresql://` never override MLflow's schemes: if this plugin is
missing, MLflow knows no such scheme and fails, instead of running ungoverned.
Everything MLflow does through REST, the UI or an in-process client passes here.
"""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy.engine import make_url

from infra.configuration import load_settings
from registry.plugin.governed_models import GovernedModels
from registry.plugin.governed_places import GovernedPlaces
from registry.plugin.governed_tags import GovernedTags
from registry.plugin.governed_versions import GovernedVersions
from registry.plugin.mlflow_errors import translated
from registry.plugin.permissions import asking_first
from registry.plugin.semantic_uris import SemanticUris

_SCHEME = "acgs+"


@asking_first
class GovernedStore(GovernedModels, GovernedVersions, GovernedPlaces, GovernedTags, SemanticUris):
    """MLflow's SQL store with a gate in front of every governed place."""


def open_store(store_uri: str, tracking_uri: str | None = None) -> GovernedStore:
    """Entry point of `mlflow.model_registry_store`.

    Raises:
        MlflowException: the constitution is unreadable, or the database does not answer.
    """
    del tracking_uri  # artifacts are found through the database
    return translated(_open)(store_uri)


def _open(store_uri: str) -> GovernedStore:
    url = store_uri.removeprefix(_SCHEME)
    if url.startswith("postgresql://"):
        url = "postgresql+psycopg2://" + url.removeprefix("postgresql://")
    settings = load_settings(database_url=url, storage_root=_storage_root(url))
    return GovernedStore(settings)


def _storage_root(url: str) -> Path | None:
    """Return the folder of a SQLite database, unless the environment names another root."""
    database = make_url(url).database
    if os.environ.get("MLOPS_STORAGE_ROOT") or not url.startswith("sqlite") or not database:
        return None
    return Path(database).absolute().parent
