"""Reads the `version.*` tags that an author set, nearest first."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from sqlalchemy import ColumnElement, Connection, Select, bindparam, literal, or_, select, union_all

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
    model_id = logged_model_of(source)
    copied = model_id is None and source.startswith("models:/")
    origin, _, version = source.removeprefix("models:/").partition("/") if copied else ("",) * 3
    asked = {
        "model": name,
        "number": number,
        "origin": unquote(origin),
        "origin_number": int(version) if version.isdigit() else None,
        "model_id": model_id,
        "run": None if copied else run_id,
    }
    found: dict[str, dict[str, str]] = {layer: {} for layer in _LAYERS}
    for row in connection.execute(_QUERY, asked):
        found[row.layer][row.key] = row.value
    own, inherited = found["version"], found["origin"]
    if copied:
        return [{key: own[key] for key in own if own[key] != inherited.get(key)}]
    return [own, found["logged model"], found["run"]]


def _layer(
    layer: str, key: ColumnElement[str], value: ColumnElement[str], *here: ColumnElement[bool]
) -> Select[str, str, str]:
    named = or_(*(key == tag for tag in TAGS))
    return select(literal(layer).label("layer"), key.label("key"), value.label("value")).where(
        *here, named
    )


def _of_version(layer: str, name: str, number: str) -> Select[str, str, str]:
    t = mlflow.model_version_tags.c
    here = (t.name == bindparam(name), t.version == bindparam(number))
    return _layer(layer, t.key, t.value, t.workspace == mlflow.WORKSPACE, *here)


_L, _T = mlflow.logged_model_tags.c, mlflow.run_tags.c
_LAYERS = ("version", "origin", "logged model", "run")
# Made once: to make it costs as much as to ask.
_QUERY = union_all(
    _of_version("version", "model", "number"),
    _of_version("origin", "origin", "origin_number"),
    _layer("logged model", _L.tag_key, _L.tag_value, _L.model_id == bindparam("model_id")),
    _layer("run", _T.key, _T.value, _T.run_uuid == bindparam("run")),
)
