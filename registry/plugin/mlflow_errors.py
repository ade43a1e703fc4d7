"""Translates the platform's errors to MLflow's, by one table and a decorator.

MLflow's client sends PERMISSION_DENIED and ABORTED once and keeps their text; 500, 503 and
429 it resends for minutes and then drops the text. So only a database that does not answer is 503.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import asdict
from typing import ParamSpec, TypeVar

import flask
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    ABORTED,
    BAD_REQUEST,
    INVALID_PARAMETER_VALUE,
    PERMISSION_DENIED,
    RESOURCE_CONFLICT,
    RESOURCE_DOES_NOT_EXIST,
    TEMPORARILY_UNAVAILABLE,
    ErrorCode,
)
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from infra.errors import (
    ConflictError,
    NotFoundError,
    PlatformError,
    RefusedError,
    UnavailableError,
    UsageError,
)
from infra.stores.db import translated as told_by_database
from registry.errors import GateClosedError, RequestPendingError

PENDING_KEY = "acgs_request_id"
"""Key of the JSON error body that carries the number of a pending request."""
REASONS_KEY = "acgs_reasons"
"""Key of the JSON error body that carries each failed rule of a refusal."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


def to_mlflow(error: PlatformError) -> MlflowException:
    """Return the exception that MLflow's server and clients understand."""
    text = str(error)
    match error:
        case RequestPendingError():
            return MlflowException(text, ABORTED, **{PENDING_KEY: str(error.request_id)})
        case GateClosedError():
            reasons = [asdict(reason) for reason in error.reasons]
            return MlflowException(text, PERMISSION_DENIED, **{REASONS_KEY: reasons})
        case RefusedError():
            return MlflowException(text, PERMISSION_DENIED)
        case NotFoundError():
            return MlflowException(text, RESOURCE_DOES_NOT_EXIST)
        case UsageError():
            return MlflowException(text, INVALID_PARAMETER_VALUE)
        case ConflictError():
            return MlflowException(text, RESOURCE_CONFLICT)
        case UnavailableError():
            return MlflowException(text, TEMPORARILY_UNAVAILABLE)
        case _:
            # Whatever else is wrong (the constitution, an artifact), nothing is allowed.
            return MlflowException(text, PERMISSION_DENIED)


def install(flask_app: flask.Flask) -> None:
    """Let a handler without MLflow's own decorator answer MLflow's errors with their status."""
    flask_app.register_error_handler(
        MlflowException,
        lambda error: flask.Response(
            error.serialize_as_json(), error.get_http_status_code(), mimetype="application/json"
        ),
    )


def translated(method: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let a store method raise the platform's errors and its caller see MLflow's."""

    @functools.wraps(method)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return method(*args, **kwargs)
        except PlatformError as err:
            raise to_mlflow(err) from err
        except DBAPIError as err:
            raise _refused(err, BAD_REQUEST) from err

    return call


def without_sql(error: MlflowException, engine: Engine) -> MlflowException:
    """Return the platform's error for a database's error, without its statement and values."""
    cause = error.__cause__
    if cause is None or error.message != str(cause):
        return error
    try:
        with told_by_database(engine):
            raise cause
    except PlatformError as known:
        return to_mlflow(known)
    except DBAPIError as other:
        return _refused(other, ErrorCode.Value(error.error_code))
    except Exception:
        return error


def _refused(error: DBAPIError, code: int) -> MlflowException:
    # What follows the first line are the statement and its values again.
    text = str(error.orig).partition("\n")[0]
    if isinstance(error, OperationalError) or error.connection_invalidated:
        return to_mlflow(UnavailableError(f"the database did not answer: {text}", hint="try again"))
    code = RESOURCE_CONFLICT if isinstance(error, IntegrityError) else code
    return MlflowException(f"the database refused it: {text}", code)
