"""Lets MLflow tell spans in JSON that are not what they should be as a client's mistake.

Its handler expects that a value which is no JSON raises, and says 400; what is JSON of another
form raises otherwise, and is a 500.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from mlflow.server import otel_api


def install() -> None:
    """Put the translation around the first look at the body."""
    convert = otel_api._convert_otlp_json_ids_to_base64
    if not hasattr(convert, "__wrapped__"):
        otel_api._convert_otlp_json_ids_to_base64 = _translated(convert)


def _translated(convert: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    @wraps(convert)
    def call(body: bytes) -> bytes:
        try:
            return convert(body)
        except (AttributeError, TypeError) as err:
            raise ValueError("expected spans as OpenTelemetry's JSON has them") from err

    return call
