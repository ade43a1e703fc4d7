"""Translates the platform's errors to MLflow's, by one table and a decorator.

MLflow's client sends PERMISSION_DENIED and ABORTED once and keeps their text; 500, 503 and
429 it resends for minutes and then drops the text. So only a database that does not answer is 503.
"""

from __future__ import annotations

import functools
import logging
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
    UNAUTHENTICATED,
    ErrorCode,
)
from sqlalchemy import Engine
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    OperationalError,
    SQLAlchemyError,
)

from infra.errors import (
    ConflictError,
    NotFoundError,
    PlatformError,
    RefusedError,
    UnauthenticatedError,
    UnavailableError,
    UsageError,
)
from infra.stores.db import translated as told_by_database
from registry.errors import GateClosedError, RequestPendingError
from registry.plugin.database_words import reason

PENDING_KEY = "acgs_request_id"
"""Key of the JSON error body that carries the number of a pending request."""
REASONS_KEY = "acgs_reasons"
"""Key of the JSON error body that carries each failed rule of a refusal."""

_logger = logging.getLogger(__name__)

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
        case UnauthenticatedError():
            return MlflowException(text, UNAUTHENTICATED)
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
            code = RESOURCE_CONFLICT if isinstance(err, IntegrityError) else BAD_REQUEST
            raise _refused(err, code) from err

    return call


def without_sql(error: MlflowException, engine: Engine) -> MlflowException:
    """Return the error without a database's words: its statement, its values, its driver.

    The log gets what is left out.
    """
    cause = error.__cause__ or error.__context__
    if cause is None or not str(cause) or str(cause) not in error.message:
        return error
    safe = _plain(error, cause, engine)
    if safe is not error:
        _logger.warning("a database's error was answered in plain words", exc_info=cause)
    return safe


def _plain(error: MlflowException, cause: BaseException, engine: Engine) -> MlflowException:
    code = ErrorCode.Value(error.error_code)
    if error.message != str(cause):
        if not isinstance(cause, SQLAlchemyError):
            return error
        return MlflowException(error.message.replace(str(cause), reason(cause)), code)
    if isinstance(cause, OverflowError | DataError):
        return to_mlflow(UsageError(f"the database refused it: {reason(cause)}"))
    try:
        with told_by_database(engine):
            raise cause
    except ConflictError as lost:
        # MLflow tries again itself, and after that its clients do.
        return MlflowException(str(lost), TEMPORARILY_UNAVAILABLE)
    except PlatformError as known:
        return to_mlflow(known)
    except DBAPIError as other:
        return _refused(other, code)
    except SQLAlchemyError as other:
        return MlflowException(f"the database refused it: {reason(other)}", code)
    except Exception:
        return error


def _refused(error: DBAPIError, code: int) -> MlflowException:
    if isinstance(error, OperationalError) or error.connection_invalidated:
        # What follows the first line is the statement again.
        text = str(error.orig).partition("\n")[0]
        return to_mlflow(UnavailableError(f"the database did not answer: {text}", hint="try again"))
    return MlflowException(f"the database refused it: {reason(error)}", code)
