"""Decides how to check a call's body: by what MLflow's handler parses it as."""

from __future__ import annotations

from functools import partial

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.types import Scope

from infra.errors import UsageError
from infra.web.bodies import Shape, no_shape
from infra.web.json_shape import check_shape, is_bare
from infra.web.protobuf_shape import check_message

_UPLOAD = "/ajax-api/2.0/mlflow/upload-artifact"
_SPANS = "/v1/traces"
_GATEWAY = "/gateway/"
_PROTOBUF = b"application/x-protobuf"
_check_spans = partial(check_message, kind=ExportTraceServiceRequest.DESCRIPTOR)


class NotAnObjectError(UsageError):
    """A body is JSON but not an object: no call of MLflow's takes that."""

    code = "registry.not_an_object"


def shape(scope: Scope) -> Shape:
    """Return how a call's body is checked: as spans, as a file, or as a JSON object.

    Paths are compared whole: some routes that parse JSON end in what the client likes.
    """
    path = str(scope["path"])
    if path == _UPLOAD:
        return no_shape
    if path == _SPANS and _media_type(scope) == _PROTOBUF:
        return _check_spans
    return _plain_object if path.startswith(_GATEWAY) else _object


def _plain_object(body: bytes) -> int:
    """Check a body whose handler takes no JSON within a JSON string."""
    values = _object(body)
    if body.lstrip().startswith(b'"'):
        raise NotAnObjectError(f"expected a JSON object, found the text {body[:40]!r}")
    return values


def _object(body: bytes) -> int:
    values = check_shape(body)
    if is_bare(body):
        raise NotAnObjectError(f"expected a JSON object, found {body[:40]!r}")
    return values


def _media_type(scope: Scope) -> bytes:
    """Return the media type as MLflow reads it."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    return headers.get(b"content-type", b"").split(b";")[0].strip()
