"""Turns the bare texts with which MLflow refuses a call into JSON, as all its other errors are.

MLflow answers 503 in plain text where its server was started without a feature. Its clients resend
a 503 for minutes, and such a call never gets better: here it is a 501, as it is where MLflow's
AI gateway is off.
"""

from __future__ import annotations

from http import HTTPStatus

import flask
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import NOT_IMPLEMENTED
from werkzeug import Response

_SWITCHED_OFF = b"Endpoint: "
"""How MLflow's text begins."""


def install(flask_app: flask.Flask) -> None:
    """Install the translation behind MLflow's handlers."""
    flask_app.after_request(_answer)


def _answer(response: Response) -> Response:
    is_refusal = response.status_code == HTTPStatus.SERVICE_UNAVAILABLE and not response.is_json
    if not is_refusal or not response.get_data().startswith(_SWITCHED_OFF):
        return response
    error = MlflowException(response.get_data(as_text=True), NOT_IMPLEMENTED)
    return flask.Response(
        error.serialize_as_json(), error.get_http_status_code(), mimetype="application/json"
    )
