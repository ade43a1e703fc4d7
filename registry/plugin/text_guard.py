"""Refuses a registry call with text that no database can hold, before MLflow's handlers read it.

They look at a source as a path and at a run first, and an error there that is not MLflow's own
becomes a page with status 500, which its clients resend for minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import flask

from registry.plugin.artifact_targets import json_fields
from registry.plugin.mlflow_errors import to_mlflow
from registry.plugin.texts import TextInvalidError, check_text

_REGISTRY = re.compile(r"/mlflow/+(registered-models|model-versions)/")
_SUSPECT = re.compile(rb"\\u0000|\\u[dD][89a-fA-F]|\0")
"""What NUL and surrogates look like in JSON; whole pairs, which are letters, do too."""


def install(flask_app: flask.Flask) -> None:
    """Install the guard before MLflow's handlers."""
    flask_app.before_request(_guard)


def _guard() -> flask.Response | None:
    if flask.request.method == "GET" or not _REGISTRY.search(flask.request.path):
        return None
    body = flask.request.get_data()
    if not _SUSPECT.search(body):
        return None
    try:
        for field, text in _texts("", json_fields(body)):
            check_text(field, text)
    except TextInvalidError as err:
        answer = to_mlflow(err)
        return flask.Response(
            answer.serialize_as_json(), answer.get_http_status_code(), mimetype="application/json"
        )
    return None


def _texts(field: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield every text in a JSON value, with the name of its field."""
    match value:
        case str():
            yield field, value
        case dict():
            for key, inner in value.items():
                yield from _texts(f"{field} {key}".strip(), inner)
        case list():
            for inner in value:
                yield from _texts(field.removesuffix("s"), inner)
