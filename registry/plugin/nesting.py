"""Answers 400 where MLflow's handlers meet JSON that nests too deep for their parsers.

Bodies are measured before (`infra.web.bodies`). What is left is JSON in a text within JSON, such
as a logged model's description, which only the handler knows to be JSON.
"""

from __future__ import annotations

import flask
from fastapi import FastAPI
from flask import Flask
from starlette.requests import Request
from starlette.responses import Response

from infra.web.errors import NestingTooDeepError
from registry.plugin.mlflow_errors import to_mlflow


def install(app: FastAPI, flask_app: Flask) -> None:
    """Let both halves of MLflow's server answer a RecursionError as the client's mistake."""

    def on_error(_error: Exception) -> flask.Response:
        body, status = _answer()
        return flask.Response(body, status, mimetype="application/json")

    async def on_error_async(_request: Request, _error: Exception) -> Response:
        body, status = _answer()
        return Response(body, status, media_type="application/json")

    app.add_exception_handler(RecursionError, on_error_async)
    flask_app.register_error_handler(RecursionError, on_error)


def _answer() -> tuple[str, int]:
    answer = to_mlflow(
        NestingTooDeepError(
            "expected JSON that nests less deeply, found more than the parser allows"
        )
    )
    return answer.serialize_as_json(), answer.get_http_status_code()
