"""Answers 400 where MLflow's GraphQL handler meets a call without a readable query.

MLflow answers such calls with a page of HTML and status 500.
"""

from __future__ import annotations

import flask
from graphql import GraphQLError

from infra.errors import UsageError
from registry.plugin.artifact_targets import json_fields
from registry.plugin.mlflow_errors import to_mlflow

_PATH = "/graphql"


def install(flask_app: flask.Flask) -> None:
    """Install the guard before the handler, and answer GraphQL's own errors as the client's."""
    flask_app.before_request(_guard)
    flask_app.register_error_handler(GraphQLError, lambda error: _refused(error.message))


def _guard() -> flask.Response | None:
    if flask.request.path != _PATH:
        return None
    fields = json_fields(flask.request.get_data())
    if not isinstance(fields.get("query"), str):
        return _refused("expected a JSON object whose query is a text, found none")
    if not isinstance(fields.get("variables"), dict | None):
        return _refused("expected variables that are a JSON object, found another value")
    if not isinstance(fields.get("operationName"), str | None):
        return _refused("expected an operationName that is a text, found another value")
    return None


def _refused(message: str) -> flask.Response:
    answer = to_mlflow(UsageError(message, hint='send {"query": "...", "variables": {...}}'))
    return flask.Response(
        answer.serialize_as_json(), answer.get_http_status_code(), mimetype="application/json"
    )
