"""Finds a version's files: resolves a URI to a local folder or to its store."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlparse

from sqlalchemy import Connection, select

from infra.settings import Settings
from registry.adapters import mlflow_tables as mlflow
from registry.errors import ArtifactError


def storage_uri(connection: Connection, source: str) -> str:
    """Resolve a registration source to the URI of a folder.

    Args:
        source: what `create_model_version` was given: a URI, a path, `models:/m-...`.
    """
    if source.startswith("models:/m-"):
        model_id = source.removeprefix("models:/").split("/")[0]
        location = connection.execute(
            select(mlflow.logged_models.c.artifact_location).where(
                mlflow.logged_models.c.model_id == model_id
            )
        ).scalar()
        if location is None:
            raise ArtifactError(f"expected a logged model {model_id}, found none")
        return str(location)
    if source.startswith("models:/"):
        name, _, number = source.removeprefix("models:/").partition("/")
        if not number.isdigit():
            raise ArtifactError(f"expected models:/<name>/<number>, found {source}")
        row = connection.execute(
            select(mlflow.LOCATION).where(
                mlflow.model_versions.c.workspace == mlflow.WORKSPACE,
                mlflow.model_versions.c.name == unquote(name),
                mlflow.model_versions.c.version == int(number),
            )
        ).scalar()
        if row is None:
            raise ArtifactError(f"expected a registered version {source}, found none")
        return storage_uri(connection, str(row))
    if source.startswith("runs:/"):
        run_id, _, path = source.removeprefix("runs:/").partition("/")
        root = connection.execute(
            select(mlflow.runs.c.artifact_uri).where(mlflow.runs.c.run_uuid == run_id)
        ).scalar()
        if root is None:
            raise ArtifactError(f"expected a run {run_id}, found none")
        return f"{root}/{path}"
    return source


def local_folder(settings: Settings, uri: str) -> Path | None:
    """Return the folder behind a URI when it is on this machine, else None."""
    parsed = urlparse(uri)
    if parsed.scheme == "mlflow-artifacts":
        destination = urlparse(settings.artifacts_destination)
        if destination.scheme not in {"", "file"}:
            return None
        relative = PurePosixPath(unquote(parsed.path).lstrip("/"))
        if ".." in relative.parts:
            raise ArtifactError(f"expected a path inside the artifact root, found {uri}")
        return Path(unquote(destination.path)) / relative
    if parsed.scheme in {"", "file"}:
        return Path(unquote(parsed.path) if parsed.scheme else uri)
    return None


def local_root(settings: Settings) -> Path | None:
    """Return the folder behind the server's artifact proxy; None when it is not a local folder."""
    return local_folder(settings, settings.artifacts_destination)


def behind_proxy(settings: Settings, uri: str) -> str:
    """Return where the server's artifact proxy keeps what a URI names; other URIs unchanged."""
    parsed = urlparse(uri)
    if parsed.scheme != "mlflow-artifacts":
        return uri
    return settings.artifacts_destination.rstrip("/") + "/" + parsed.path.lstrip("/")
