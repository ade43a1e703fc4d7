"""Answers for the artifact proxy when its store refuses.

MLflow lets most of boto3's errors through its handlers, which makes them a page of HTML with
status 500 that its clients resend for minutes and then drop.
"""

from __future__ import annotations

import errno
from http import HTTPStatus

import flask
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from fastapi import FastAPI
from flask import Flask
from starlette.requests import Request
from starlette.responses import Response

from infra.errors import NotFoundError, PlatformError, UnavailableError, UsageError
from infra.settings import Settings
from infra.stores.errors import StoreFullError
from infra.stores.object_store import translated
from registry.plugin.mlflow_errors import to_mlflow

JSON = "application/json"


def install(app: FastAPI, flask_app: Flask, settings: Settings) -> None:
    """Answer the store's errors as the platform's, in both apps of MLflow's server."""
    where = settings.artifacts_destination

    def on_error(error: Exception) -> flask.Response:
        refusal = _platform_error(error, where, flask.request.method)
        body, status, headers = _answer(refusal)
        return flask.Response(body, status, headers, mimetype=JSON)

    async def on_error_async(request: Request, error: Exception) -> Response:
        refusal = _platform_error(error, where, request.method)
        body, status, headers = _answer(refusal)
        return Response(body, status, headers, media_type=JSON)

    for kind in (ClientError, BotoCoreError, Boto3Error, OSError):
        app.add_exception_handler(kind, on_error_async)
        flask_app.register_error_handler(kind, on_error)


_MISNAMED = {
    errno.ENAMETOOLONG: "expected shorter artifact names, found one no store can hold",
    errno.EISDIR: "expected an artifact's path, found that of a folder of artifacts",
    errno.ENOTDIR: "expected folders in an artifact's path, found an artifact among them",
    errno.EEXIST: "expected folders in an artifact's path, found an artifact among them",
}
"""What the client named wrongly where a folder is the store, by the system's error."""


def _platform_error(error: Exception, where: str, method: str) -> PlatformError:
    if isinstance(error, FileNotFoundError) and method == "DELETE":
        return NotFoundError("expected an artifact to delete, found that another call deleted it")
    misnamed = _MISNAMED.get(error.errno or 0) if isinstance(error, OSError) else None
    if misnamed is not None:
        return UsageError(misnamed)
    try:
        with translated(where):
            raise error
    except PlatformError as known:
        return known


def _answer(error: PlatformError) -> tuple[str, int, dict[str, str]]:
    refusal = to_mlflow(error)
    headers = {"Retry-After": "1"} if isinstance(error, UnavailableError) else {}
    # MLflow's clients would resend a 503 for minutes; no room is made by asking again.
    full = isinstance(error, StoreFullError)
    status = HTTPStatus.INSUFFICIENT_STORAGE if full else refusal.get_http_status_code()
    return refusal.serialize_as_json(), status, headers
