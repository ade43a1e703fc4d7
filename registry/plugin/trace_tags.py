"""Refuses the tags of traces that say where MLflow's server finds a trace's files.

MLflow reads and deletes at the location that such a tag names, in the server's own name, and
refuses them from clients where they set one tag, but not with a new trace, its spans or its end.
Here they are refused in front of the methods of the store that every route calls. MLflow's own
code writes these tags without those methods.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from types import MappingProxyType
from typing import Any

from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.tracing.constant import SpanAttributeKey, TraceTagKey
from mlflow.utils.mlflow_tags import MLFLOW_ARTIFACT_LOCATION

from infra.errors import UsageError
from registry.plugin.mlflow_errors import to_mlflow

_RESERVED = frozenset(
    {
        TraceTagKey.SPANS_LOCATION,
        TraceTagKey.ARCHIVE_LOCATION,
        TraceTagKey.ARCHIVAL_FAILURE,
        MLFLOW_ARTIFACT_LOCATION,
    }
)
_GUARDED = "acgs_tags_guarded"


class TraceTagReservedError(UsageError):
    """A client sent a tag of a trace that MLflow's server alone writes."""

    code = "registry.trace_tag_reserved"


def _tags_of_spans(spans: Iterable[Any]) -> Iterable[str]:
    prefix = SpanAttributeKey.TRACE_TAG_PREFIX
    for span in spans:
        for key in span.attributes:
            if key.startswith(prefix):
                yield key.removeprefix(prefix)


_KEYS: Mapping[str, tuple[str, Callable[[Any], Iterable[str]]]] = MappingProxyType(
    {
        "start_trace": ("trace_info", lambda info: info.tags),
        "deprecated_start_trace_v2": ("tags", lambda tags: tags),
        "deprecated_end_trace_v2": ("tags", lambda tags: tags),
        "log_spans": ("spans", _tags_of_spans),
        "set_trace_tag": ("key", lambda key: (key,)),
    }
)
"""Every method of the store that writes tags which a client sent: the argument, its tags' keys."""


def install() -> None:
    """Install the refusal in front of the methods, once in a process."""
    for name, (argument, keys) in _KEYS.items():
        method = getattr(SqlAlchemyStore, name)
        if not hasattr(method, _GUARDED):
            setattr(SqlAlchemyStore, name, _guarded(method, argument, keys))


def _guarded(
    method: Callable[..., Any], argument: str, keys: Callable[[Any], Iterable[str]]
) -> Callable[..., Any]:
    signature = inspect.signature(method)

    @wraps(method)
    def call(*given: Any, **named: Any) -> Any:
        for key in keys(signature.bind(*given, **named).arguments[argument]):
            if key in _RESERVED:
                raise to_mlflow(
                    TraceTagReservedError(
                        f"expected tags of a trace without those that MLflow's server alone "
                        f"writes, found {key}",
                        hint="leave it out",
                    )
                )
        return method(*given, **named)

    setattr(call, _GUARDED, True)
    return call
