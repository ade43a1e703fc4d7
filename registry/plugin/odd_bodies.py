"""Reads every call's JSON in one way, and answers 400 where MLflow's handlers trip over it."""

from __future__ import annotations

from typing import Any

import flask
from mlflow.exceptions import MlflowException
from werkzeug import Response
from werkzeug.exceptions import HTTPException

from registry.plugin.artifact_targets import json_fields
from registry.plugin.unreadable import KINDS, note_statements, refusal, unreadable

_DEMO = "/mlflow/demo/generate"


class Request(flask.Request):
    """A call whose JSON every handler reads alike."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Return the body as MLflow's main reader reads it.

        Old clients post JSON within a JSON string, which some handlers take for an object. And
        where a handler asks for no error, a call without JSON counts as an empty object.

        Raises:
            MlflowException: the body is broken JSON. MLflow would take that for an empty object
                too, and complain of a field that the client did send.
        """
        found = super().get_json(force=force, silent=silent, cache=cache)
        if isinstance(found, str):
            found = flask.json.loads(found)
        if found is None and silent:
            if force or self.is_json:
                _refuse_broken(self.get_data())
            return {}
        return found


def install(flask_app: flask.Flask) -> None:
    """Make the app read JSON in one way, and distinguish a client's mistake from the server's."""
    flask_app.request_class = Request
    flask_app.before_request(_guard_demo)
    note_statements()
    for kind in KINDS:
        flask_app.register_error_handler(kind, _answer)


def _refuse_broken(body: bytes) -> None:
    if not body.strip():
        return
    try:
        flask.json.loads(body)
    except ValueError as err:
        raise unreadable(f"expected a body in JSON, found broken JSON: {err!s:.120}") from err


def _answer(error: Exception) -> Response:
    if isinstance(error, HTTPException):  # a KeyError too, if a form or a query lacks a name
        return error.get_response()
    refused = refusal(error)
    if refused is None:
        raise error
    return _response(refused)


def _guard_demo() -> flask.Response | None:
    """Check the one list that a handler reads only after it has asked the database."""
    if not flask.request.path.endswith(_DEMO):
        return None
    features = json_fields(flask.request.get_data()).get("features") or []
    if isinstance(features, list) and all(isinstance(each, str) for each in features):
        return None
    return _response(unreadable("expected features that are a list of texts, found another value"))


def _response(answer: MlflowException) -> flask.Response:
    return flask.Response(
        answer.serialize_as_json(), answer.get_http_status_code(), mimetype="application/json"
    )
