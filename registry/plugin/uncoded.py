"""Gives a code to errors to which MLflow gives none, so that they are no 500.

An `MlflowException` without a code counts as the server's mistake, and clients resend the call for
minutes. Here are the functions that raise one for what a client sent, or for what the server does
not offer. They ask no database, so that whatever they raise is of that kind.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    INTERNAL_ERROR,
    INVALID_PARAMETER_VALUE,
    NOT_IMPLEMENTED,
    ErrorCode,
)
from mlflow.server import jobs
from mlflow.store.artifact import http_artifact_repo, local_artifact_repo
from mlflow.utils import uri
from mlflow.utils.search_utils import SearchExperimentsUtils

_FUNCTIONS = (
    (local_artifact_repo, "verify_artifact_path", INVALID_PARAMETER_VALUE),
    (http_artifact_repo, "verify_artifact_path", INVALID_PARAMETER_VALUE),
    (SearchExperimentsUtils, "is_attribute", INVALID_PARAMETER_VALUE),
    # Undoes the escapes of a path or query, and raises what Python's reader of URLs does.
    (uri, "_decode", INVALID_PARAMETER_VALUE),
    # The platform starts MLflow's server without its jobs.
    (jobs, "submit_job", NOT_IMPLEMENTED),
)


def install() -> None:
    """Install the codes around the functions, once in a process."""
    for owner, name, code in _FUNCTIONS:
        found = vars(owner)[name]
        is_method = isinstance(found, classmethod)
        function = found.__func__ if is_method else found
        if not getattr(function, "acgs_coded", False):
            made = coded(function, code)
            setattr(owner, name, classmethod(made) if is_method else made)


def coded(function: Callable[..., Any], code: int) -> Callable[..., Any]:
    """Return the function, whose errors without a code, and ValueErrors, have this one."""

    @wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        try:
            return function(*given, **named)
        except MlflowException as err:
            if err.error_code != ErrorCode.Name(INTERNAL_ERROR):
                raise
            raise MlflowException(err.message, code) from err
        except ValueError as err:
            raise MlflowException(f"expected a value that can be read, found: {err}", code) from err

    call.__dict__["acgs_coded"] = True
    return call
