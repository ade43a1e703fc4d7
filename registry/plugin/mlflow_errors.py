"""The one table from our errors to MLflow's, and the decorator that applies it.

MLflow's client sends PERMISSION_DENIED and ABORTED once and keeps their text; 500, 503 and
429 it resends for minutes and then drops the text. So only a database that is away is 503.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import asdict
from typing import ParamSpec, TypeVar

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    ABORTED,
    INVALID_PARAMETER_VALUE,
    PERMISSION_DENIED,
    RESOURCE_CONFLICT,
    RESOURCE_DOES_NOT_EXIST,
    TEMPORARILY_UNAVAILABLE,
)

from infra.errors import (
    ConflictError,
    NotFoundError,
    PlatformError,
    RefusedError,
    UnavailableError,
    UsageError,
)
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
            told = [asdict(reason) for reason in error.reasons]
            return MlflowException(text, PERMISSION_DENIED, **{REASONS_KEY: told})
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


def translated(method: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let a store method raise our errors and its caller see MLflow's."""

    @functools.wraps(method)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return method(*args, **kwargs)
        except PlatformError as err:
            raise to_mlflow(err) from err

    return call
