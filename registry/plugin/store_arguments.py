"""Refuses arguments that MLflow's tracking store fails on once its session is open.

MLflow makes every error within a session an INTERNAL_ERROR, status 500, which does not tell
later whose mistake it was. The few arguments that handlers pass on unchecked are looked at before.
So are times which can be stored, but not sent: one such trace, and nobody can list its experiment.
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
from infra.stores.db import is_storable
from registry.plugin.mlflow_errors import to_mlflow

_LARGEST = 2**63 - 1
"""What the databases take for a number."""
_TIMES_MS = range(-62_135_596_800_000, 253_402_300_800_000)
"""The years 1 to 9999, which protobuf has room for."""
_CHECKED = "acgs_checked"
"""Name of the attribute of a method that lists what is checked in front of it."""
_UNREADABLE = (ValueError, TypeError, AttributeError, RecursionError)


def _is_number(value: Any) -> bool:
    return -_LARGEST <= int(value) <= _LARGEST


def _is_time(value: Any) -> bool:
    return int(value) in _TIMES_MS


def _is_count(value: Any) -> bool:
    return value is None or 0 < int(value) <= _LARGEST


def _is_traced(value: Any) -> bool:
    # The trace's id becomes the name of a folder.
    return _is_number(value.experiment_id) and is_storable(str(value.trace_id))


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


_TIME = "milliseconds since 1970, in the years 1 to 9999"
_ARGUMENTS = (
    _Argument(
        "deprecated_start_trace_v2", "experiment_id", _is_number, "the number of an experiment"
    ),
    _Argument("deprecated_start_trace_v2", "timestamp_ms", _is_time, _TIME),
    _Argument("deprecated_end_trace_v2", "timestamp_ms", _is_time, _TIME),
    _Argument("log_spans", "location", _is_number, "the number of an experiment"),
    _Argument("_load_dataset_records", "max_results", _is_count, "max_results of at least 1"),
    _Argument(
        "start_trace",
        "trace_info",
        _is_traced,
        "a trace with an id of plain text, and the number of its experiment",
    ),
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
    """Install the checks in front of the methods, once in a process."""
    for argument in _ARGUMENTS:
        method = getattr(SqlAlchemyStore, argument.method)
        if argument not in getattr(method, _CHECKED, ()):
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

    setattr(call, _CHECKED, (*getattr(method, _CHECKED, ()), argument))
    return call
