"""Refuses arguments that MLflow's tracking store fails on once its session is open.

MLflow makes every error within a session an INTERNAL_ERROR, status 500, which does not tell
later whose mistake it was. The few arguments that handlers pass on unchecked are looked at before.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from mlflow.genai.scorers.scorer_utils import extract_model_from_serialized_scorer
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from infra.errors import UsageError
from registry.plugin.mlflow_errors import to_mlflow

_LARGEST = 2**63 - 1
"""What the databases take for a number."""
_UNREADABLE = (ValueError, TypeError, AttributeError, RecursionError)


def _is_number(value: Any) -> bool:
    return -_LARGEST <= int(value) <= _LARGEST


def _is_traced(value: Any) -> bool:
    return _is_number(value.experiment_id)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict | None)


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _is_scorer(value: Any) -> bool:
    return isinstance(extract_model_from_serialized_scorer(json.loads(value)), str | None)


@dataclass(frozen=True, slots=True)
class _Argument:
    """An argument of a method of MLflow's store, and the type it must have."""

    method: str
    name: str
    is_valid: Callable[[Any], bool]
    expected: str


_ARGUMENTS = (
    _Argument(
        "deprecated_start_trace_v2", "experiment_id", _is_number, "the number of an experiment"
    ),
    _Argument("start_trace", "trace_info", _is_traced, "a trace with the number of its experiment"),
    _Argument("create_dataset", "tags", _is_object, "tags that are a JSON object"),
    _Argument(
        "upsert_dataset_records",
        "records",
        _is_list_of_objects,
        "records that are a JSON array of objects",
    ),
    _Argument("register_scorer", "serialized_scorer", _is_scorer, "a scorer as MLflow writes it"),
)


def install() -> None:
    """Install a check in front of each method, once in a process."""
    for argument in _ARGUMENTS:
        method = getattr(SqlAlchemyStore, argument.method)
        if not hasattr(method, "__wrapped__"):
            setattr(SqlAlchemyStore, argument.method, _checked(method, argument))


def _checked(method: Callable[..., Any], argument: _Argument) -> Callable[..., Any]:
    signature = inspect.signature(method)

    @wraps(method)
    def call(*given: Any, **named: Any) -> Any:
        value = signature.bind(*given, **named).arguments.get(argument.name)
        try:
            is_valid = argument.is_valid(value)
        except _UNREADABLE:
            is_valid = False
        if not is_valid:
            raise to_mlflow(UsageError(f"expected {argument.expected}, found {str(value)[:40]!r}"))
        return method(*given, **named)

    return call
