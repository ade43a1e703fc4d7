"""Reads every call's JSON in one way, and answers 400 where MLflow's handlers trip over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import flask
from mlflow.exceptions import MlflowException
from werkzeug import Response
from werkzeug.exceptions import HTTPException

from registry.plugin.artifact_targets import json_fields
from registry.plugin.unreadable import KINDS, note_statements, refusal, unreadable

_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a call's body, and the values that its handler takes."""

    name: str
    is_valid: Callable[[Any], bool]
    expected: str


def _is_list_of_texts(value: Any) -> bool:
    return not value or (isinstance(value, list) and all(isinstance(each, str) for each in value))


def _is_whole(value: Any) -> bool:
    return type(value) is int and -_LARGEST <= value <= _LARGEST


_FIELDS: Mapping[str, Sequence[_Field]] = MappingProxyType(
    {
        "/mlflow/demo/generate": (
            _Field("features", _is_list_of_texts, "that are a list of texts"),
        ),
        "/mlflow/runs/create-promptlab-run": (
            _Field(
                "experiment_id",
                lambda value: isinstance(value, str | None) or _is_whole(value),
                "that is the number of an experiment",
            ),
            _Field("run_name", lambda value: isinstance(value, str | None), "that is a text"),
            _Field("user_id", lambda value: isinstance(value, str), "that is a text"),
            _Field("start_time", _is_whole, "in whole milliseconds since 1970"),
            # MLflow's store fails at every tag that this handler hands over.
            _Field("tags", lambda value: not value, "that are empty (set them on the run later)"),
        ),
    }
)


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
    flask_app.before_request(_guard_fields)
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


def _guard_fields() -> flask.Response | None:
    """Check the few fields that a handler reads only after it has asked the database."""
    for route, checks in _FIELDS.items():
        if flask.request.path.rstrip("/").endswith(route):
            return _checked(json_fields(flask.request.get_data()), checks)
    return None


def _checked(fields: dict[str, Any], checks: Sequence[_Field]) -> flask.Response | None:
    for check in checks:
        found = fields.get(check.name)
        if check.name in fields and not check.is_valid(found):
            return _response(
                unreadable(f"expected {check.name} {check.expected}, found {str(found)[:40]!r}")
            )
    return None


def _response(answer: MlflowException) -> flask.Response:
    return flask.Response(
        answer.serialize_as_json(), answer.get_http_status_code(), mimetype="application/json"
    )
