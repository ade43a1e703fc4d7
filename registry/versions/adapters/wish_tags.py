"""The `version.*` tags that an author set, nearest first."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from sqlalchemy import ColumnElement, Connection, select

from registry.adapters import mlflow_tables as mlflow
from registry.versions.domain.sources import logged_model_of
from registry.versions.domain.wishes import TAGS


def layers(
    connection: Connection, name: str, number: int, source: str, run_id: str | None
) -> list[Mapping[str, str]]:
    """Return the tags of a version, of its logged model and of its run.

    MLflow's copy brings the original's tags along: those asked about the original, so only tags
    that differ from the original's count, and its logged model and run count no more.
    """
    own = _of_version(connection, name, number)
    model_id = logged_model_of(source)
    if model_id is not None:
        return [own, _of_logged_model(connection, model_id), _of_run(connection, run_id)]
    if source.startswith("models:/"):
        origin, _, version = source.removeprefix("models:/").partition("/")
        if not version.isdigit():
            return [own]
        inherited = _of_version(connection, unquote(origin), int(version))
        return [{key: own[key] for key in own if own[key] != inherited.get(key)}]
    return [own, _of_run(connection, run_id)]


def _of_version(connection: Connection, name: str, number: int) -> dict[str, str]:
    t = mlflow.model_version_tags.c
    here = [t.workspace == mlflow.WORKSPACE, t.name == name, t.version == number]
    return _read(connection, t.key, t.value, here)


def _of_logged_model(connection: Connection, model_id: str) -> dict[str, str]:
    t = mlflow.logged_model_tags.c
    return _read(connection, t.tag_key, t.tag_value, [t.model_id == model_id])


def _of_run(connection: Connection, run_id: str | None) -> dict[str, str]:
    t = mlflow.run_tags.c
    return _read(connection, t.key, t.value, [t.run_uuid == run_id]) if run_id else {}


def _read(
    connection: Connection,
    key: ColumnElement[str],
    value: ColumnElement[str],
    here: list[ColumnElement[bool]],
) -> dict[str, str]:
    rows = connection.execute(select(key, value).where(*here, key.in_(TAGS)))
    return {row[0]: row[1] for row in rows}
