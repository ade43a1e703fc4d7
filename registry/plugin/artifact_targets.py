"""Finds the locations that an HTTP call would write to or delete.

Paths are read as MLflow's own handlers read them (`validate_path_is_safe` undoes percent escapes
and `file:` prefixes), so that no spelling means one thing here and another there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlparse

from mlflow.exceptions import MlflowException
from mlflow.utils.uri import append_to_uri_path, resolve_uri_if_local, validate_path_is_safe
from sqlalchemy import Connection, select
from starlette.types import Scope

from registry.adapters import mlflow_tables as mlflow
from registry.files.domain.storage_place import PROXY, decoded, join, normal, storage_place

_PROXIED = re.compile(r"/mlflow-artifacts/+(?:artifacts|mpu/+(?:create|complete))/+(.*)", re.DOTALL)
_MULTIPART = re.compile(r"/mlflow-artifacts/+mpu/")
_LOGGED_MODEL = re.compile(r"/mlflow/+logged-models/+([^/]+)/*\Z")
_UPLOAD = "/mlflow/upload-artifact"
_PRESIGNED = "/mlflow/artifacts/presigned-upload-url"
_RUN = "/mlflow/runs/delete"
_EXPERIMENT = "/mlflow/experiments/delete"
_PLACED = "/mlflow/experiments/create"
_PROMPT_LAB = "/mlflow/runs/create-promptlab-run"
_DEMO = ("/mlflow/demo/generate", "/mlflow/demo/delete")
_BY_BODY = (_PRESIGNED, _RUN, _EXPERIMENT, _PLACED, _PROMPT_LAB)
_ANCHOR = "/api/2.0/mlflow-artifacts/artifacts/"
_NEW_RUN = "0" * 32
"""In the place of the id that MLflow is about to make up."""
_STREAMED = re.compile(r"/(?:ajax-)?api/2\.0/mlflow-artifacts/artifacts/.")
_READING = {"GET", "HEAD", "OPTIONS"}
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class HttpCall:
    """An HTTP call; `body` is empty where `needs_body` says that the body does not matter."""

    method: str
    path: str
    query: bytes = b""
    body: bytes = b""


def concerns(method: str, path: str) -> bool:
    """Return whether a call may write or delete artifacts, or what owns them."""
    if method in _READING:
        return False
    if method == "DELETE" and _LOGGED_MODEL.search(path):
        return True
    return bool(_PROXIED.search(path)) or path.rstrip("/").endswith((_UPLOAD, *_BY_BODY, *_DEMO))


def is_streamed(scope: Scope) -> bool:
    """Return whether a call uploads a file, which MLflow streams to a disk or a store."""
    return scope["method"] == "PUT" and bool(_STREAMED.match(str(scope["path"])))


def needs_body(path: str) -> bool:
    """Return whether the call's body decides what the call would write to."""
    return bool(_MULTIPART.search(path)) or path.rstrip("/").endswith(_BY_BODY)


def writes(path: str) -> bool:
    """Return whether a call which `concerns` writes or deletes files at once."""
    written = (_UPLOAD, _PRESIGNED, _PROMPT_LAB)
    return bool(_PROXIED.search(path)) or path.rstrip("/").endswith(written)


def targets(connection: Connection, call: HttpCall) -> Sequence[str]:
    """Return the locations that a call which `concerns` would touch; empty if it names none."""
    path = call.path.rstrip("/")
    proxied = _PROXIED.search(call.path)
    if proxied:
        return _proxied(proxied[1], json_fields(call.body) if _MULTIPART.search(call.path) else {})
    logged = _LOGGED_MODEL.search(call.path)
    if logged and call.method == "DELETE":
        return _logged_model(connection, decoded(logged[1]))
    if path.endswith(_UPLOAD):
        pairs = parse_qsl(call.query.decode("latin-1"), keep_blank_values=True)
        # Of a name given twice, Flask takes the first.
        return _upload(connection, dict(reversed(pairs)))
    if path.endswith(_DEMO):
        return _demo(connection)
    return _by_body(connection, path, json_fields(call.body))


def _by_body(connection: Connection, path: str, fields: dict[str, Any]) -> Sequence[str]:
    if path.endswith(_PRESIGNED):
        return _presigned(connection, fields)
    if path.endswith(_RUN):
        return _run(connection, _field(fields, "run_id"))
    if path.endswith(_PLACED):
        return _new_run(_field(fields, "artifact_location"))
    locations = _locations(connection, _field(fields, "experiment_id"))
    if path.endswith(_PROMPT_LAB):
        return [place for location in locations for place in _new_run(location)]
    return _places(locations)


def _proxied(path: str, fields: dict[str, Any]) -> Sequence[str]:
    place = PROXY + normal(_safe(path))
    file = _field(fields, "path")
    if not file:
        return (place,)
    # A multipart call names the folder in its path and the file in its body.
    inside = _safe(file)
    return (join(place, inside), join(place, inside.rsplit("/", 1)[-1]))


def _upload(connection: Connection, query: dict[str, str]) -> Sequence[str]:
    run = _run_row(connection, query.get("run_uuid", ""))
    if run is None:
        return ()
    path = _safe(query.get("path", ""))
    proxied = join(PROXY, str(run.experiment_id), run.run_uuid, "artifacts", path)
    return (join(storage_place(run.artifact_uri), path), proxied)


def _presigned(connection: Connection, fields: dict[str, Any]) -> Sequence[str]:
    path = _safe(_field(fields, "path"))
    run = _run_row(connection, _field(fields, "run_id"))
    roots = [storage_place(run.artifact_uri)] if run else []
    roots += _logged_model(connection, _field(fields, "model_id"))
    return [join(root, path) for root in roots]


def _logged_model(connection: Connection, model_id: str) -> Sequence[str]:
    m = mlflow.logged_models.c
    where = m.model_id == model_id
    return _places(connection.execute(select(m.artifact_location).where(where)).scalars())


def _run(connection: Connection, run_id: str) -> Sequence[str]:
    if not run_id:
        # Models that no run logged have an empty one.
        return ()
    run = _run_row(connection, run_id)
    m = mlflow.logged_models.c
    models = select(m.artifact_location).where(m.source_run_id == run_id)
    own = [run.artifact_uri] if run else []
    return _places([*own, *connection.execute(models).scalars()])


def _locations(connection: Connection, experiment_id: str) -> Sequence[str]:
    """Return where an experiment keeps its files, if there is such an experiment."""
    e = mlflow.experiments.c
    try:
        # As MLflow reads it: with blanks around it, a sign, or another script's digits.
        number = int(experiment_id)
    except ValueError:
        return ()
    if not 0 <= number <= _LARGEST:
        return ()
    where = e.experiment_id == number
    return connection.execute(select(e.artifact_location).where(where)).scalars().all()


def _demo(connection: Connection) -> Sequence[str]:
    """Return what MLflow's demo writes to and deletes.

    An outdated experiment of its name is deleted and created again, regardless of who made it.
    """
    # Half of MLflow comes with it, which no other call needs.
    from mlflow.demo.base import DEMO_EXPERIMENT_NAME

    e = mlflow.experiments.c
    where = e.name == DEMO_EXPERIMENT_NAME
    locations = connection.execute(select(e.artifact_location).where(where)).scalars().all()
    written = [place for location in locations for place in _new_run(location)]
    return [*_places(locations), *written]


def _new_run(location: str | None) -> Sequence[str]:
    """Return where the server would write the files of an experiment's next run.

    Not the experiment's location itself: it may lie around the folders of registered versions.
    """
    if not location:
        return ()
    try:
        uri = append_to_uri_path(resolve_uri_if_local(location), _NEW_RUN, "artifacts")
        parsed, place = urlparse(uri), storage_place(uri)
    except (ValueError, MlflowException):
        # What cannot be parsed cannot be written to.
        return ()
    if parsed.scheme in {"http", "https"} and _ANCHOR in parsed.path:
        # Where an address names the proxy's route twice, MLflow takes what is between the two.
        return (place, PROXY + normal(decoded(parsed.path.split(_ANCHOR)[1])))
    return (place,)


def _run_row(connection: Connection, run_id: str) -> Any:
    r = mlflow.runs.c
    return connection.execute(
        select(r.run_uuid, r.experiment_id, r.artifact_uri).where(r.run_uuid == run_id)
    ).one_or_none()


def _places(uris: Any) -> Sequence[str]:
    return [storage_place(str(uri)) for uri in uris if uri]


def _safe(path: str) -> str:
    """Read a path as MLflow's handlers do; one that they refuse is returned unchanged."""
    try:
        return str(validate_path_is_safe(path))
    except MlflowException:
        return decoded(path)


def json_fields(body: bytes) -> dict[str, Any]:
    """Read a JSON body as MLflow does; a body that is not an object has no fields."""
    try:
        value = json.loads(body)
        # Old clients post JSON within a JSON string, and MLflow still takes it.
        value = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _field(fields: dict[str, Any], name: str) -> str:
    head, *rest = name.split("_")
    camel = head + "".join(word.capitalize() for word in rest)
    return str(fields.get(name) or fields.get(camel) or "")
