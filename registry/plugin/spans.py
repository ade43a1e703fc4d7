"""Makes MLflow answer malformed spans as the client's mistake, and say what is wrong with them.

Its handler expects that a value which is no JSON raises, and says 400; what is JSON of another
form raises otherwise, and is a 500. Spans that it cannot convert are a 422 without a reason.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exception_handlers import http_exception_handler
from mlflow.server import otel_api
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_logger = logging.getLogger(__name__)


def install(app: FastAPI) -> None:
    """Install the translation around the first check of the body, and the reasons."""
    convert = otel_api._convert_otlp_json_ids_to_base64
    if not hasattr(convert, "__wrapped__"):
        otel_api._convert_otlp_json_ids_to_base64 = _translated(convert)
    app.add_exception_handler(HTTPException, _with_reason)


def _translated(convert: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    @wraps(convert)
    def call(body: bytes) -> bytes:
        try:
            return convert(body)
        except (AttributeError, TypeError) as err:
            raise ValueError("expected spans in OpenTelemetry's JSON") from err

    return call


async def _with_reason(request: Request, error: Exception) -> Response:
    """Answer MLflow's own error, with what it swallowed where it says nothing else."""
    assert isinstance(error, HTTPException)
    cause = error.__context__
    if error.status_code == HTTPStatus.UNPROCESSABLE_ENTITY and cause is not None:
        _logger.warning("MLflow could not read %s", request.url.path, exc_info=cause)
        error = HTTPException(
            error.status_code,
            f"{error.detail}: expected spans that MLflow can read, found one at which it says: "
            f"{cause!s:.200}",
        )
    return await http_exception_handler(request, error)
