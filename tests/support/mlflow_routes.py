"""Every route of MLflow's server, of both its halves."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

_HELD = re.compile(r"<(?:\w+:)?\w+>|\{[\w.]+(?::path)?\}")


@cache
def routes() -> tuple[tuple[str, str], ...]:
    """Return method and path of each, with `1` for what a path holds, but for files: `odd/file`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of starlette's, which MLflow's import causes
        from mlflow.server import app as flask_app
        from mlflow.server.fastapi_app import create_fastapi_app

    found = {
        (method, str(rule))
        for rule in flask_app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    found |= set(_of(create_fastapi_app().routes))
    return tuple(sorted((method, _filled(path)) for method, path in found if method != "OPTIONS"))


def _filled(path: str) -> str:
    # `artifacts/1` is all that the runs of experiment 1 logged.
    return _HELD.sub("odd/file" if "/mlflow-artifacts/" in path else "1", path)


def _of(held: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for route in held:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _of(included.routes, prefix + route.include_context.prefix)
        for method in getattr(route, "methods", None) or ():
            yield method, prefix + route.path


@cache
def bodies() -> Mapping[tuple[str, str], Mapping[str, Any]]:
    """Return a body of the right types for each route of MLflow's that takes a message."""
    return {asked: found for asked, found in _messages() if asked[0] != "GET"}


@cache
def queries() -> Mapping[str, Mapping[str, Any]]:
    """Return a query of the right types for each route of MLflow's that reads one."""
    return {path: found for (method, path), found in _messages() if method == "GET"}


def _messages() -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    from mlflow.protos.databricks_pb2 import rpc
    from mlflow.protos.mlflow_artifacts_pb2 import MlflowArtifactsService
    from mlflow.protos.model_registry_pb2 import ModelRegistryService
    from mlflow.protos.service_pb2 import MlflowService
    from mlflow.protos.webhooks_pb2 import WebhookService

    services = (MlflowService, ModelRegistryService, MlflowArtifactsService, WebhookService)
    served = set(routes())
    for method in (each for service in services for each in service.DESCRIPTOR.methods):
        for endpoint in method.GetOptions().Extensions[rpc].endpoints:
            path = _filled(f"/api/{endpoint.since.major}.0{endpoint.path}")
            if (endpoint.method, path) in served:
                yield (endpoint.method, path), _message(method.input_type)


def _message(kind: Any, levels: int = 4) -> dict[str, Any]:
    return {field.name: _value(field, levels) for field in kind.fields} if levels else {}


def _value(field: Any, levels: int) -> Any:
    one: Any = 1
    if field.type == field.TYPE_MESSAGE:
        one = _message(field.message_type, levels - 1)
    elif field.type == field.TYPE_ENUM:
        one = field.enum_type.values[0].name
    elif field.type == field.TYPE_STRING:
        one = "1"
    return [one] if field.is_repeated else one
