"""Makes MLflow answer malformed spans in JSON as the client's mistake.

Its handler expects that a value which is no JSON raises, and says 400; what is JSON of another
form raises otherwise, and is a 500.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from mlflow.server import otel_api


def install() -> None:
    """Install the translation around the first check of the body."""
    convert = otel_api._convert_otlp_json_ids_to_base64
    if not hasattr(convert, "__wrapped__"):
        otel_api._convert_otlp_json_ids_to_base64 = _translated(convert)


def _translated(convert: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    @wraps(convert)
    def call(body: bytes) -> bytes:
        try:
            return convert(body)
        except (AttributeError, TypeError) as err:
            raise ValueError("expected spans in OpenTelemetry's JSON") from err

    return call
