"""Signs and verifies webhooks by HMAC, byte for byte as MLflow signs its own.

Source: mlflow.webhooks.delivery (3.17): `v1,` + base64(HMAC-SHA256(secret, "id.timestamp.body")),
in the headers `X-MLflow-Delivery-Id`, `X-MLflow-Timestamp`, `X-MLflow-Signature`. While a secret is
changed, a header of the platform's own carries a second signature, and either counts.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from infra.errors import RefusedError

DELIVERY_ID_HEADER = "X-MLflow-Delivery-Id"
TIMESTAMP_HEADER = "X-MLflow-Timestamp"
SIGNATURE_HEADER = "X-MLflow-Signature"
NEXT_SIGNATURE_HEADER = "X-ACGS-Next-Signature"
"""While a secret is changed: the same content, signed with the one that takes over."""
REPLAY_WINDOW_SECONDS = 300


class SignatureError(RefusedError):
    """A webhook is unsigned, wrongly signed, or too old to be trusted."""

    code = "infra.signature_invalid"


def sign(secret: str, delivery_id: str, timestamp_seconds: int, body: bytes) -> str:
    """Return the value of the signature header."""
    content = f"{delivery_id}.{timestamp_seconds}.".encode() + body
    digest = hmac.new(secret.encode(), content, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def signed_headers(
    secret: str,
    delivery_id: str,
    timestamp_seconds: int,
    body: bytes,
    *,
    next_secret: str | None = None,
) -> dict[str, str]:
    """Return the headers that a signed delivery carries; two signatures for two secrets."""
    signed = {
        DELIVERY_ID_HEADER: delivery_id,
        TIMESTAMP_HEADER: str(timestamp_seconds),
        SIGNATURE_HEADER: sign(secret, delivery_id, timestamp_seconds, body),
    }
    if next_secret is not None:
        signed[NEXT_SIGNATURE_HEADER] = sign(next_secret, delivery_id, timestamp_seconds, body)
    return signed


def verify(secret: str, headers: Mapping[str, str], body: bytes, now_seconds: float) -> str:
    """Check a delivery and return its id.

    Args:
        secret: the subscription's shared secret.
        headers: the request's headers; names are matched without case.
        body: the raw request body.
        now_seconds: seconds since the epoch.

    Raises:
        SignatureError: a header is missing, the signature differs, or the timestamp lies more
            than `REPLAY_WINDOW_SECONDS` from now.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    missing = [
        name
        for name in (DELIVERY_ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)
        if name.lower() not in lowered
    ]
    if missing:
        raise SignatureError(f"expected a signed delivery, found no {missing[0]} header")
    delivery_id = lowered[DELIVERY_ID_HEADER.lower()]
    stamp = lowered[TIMESTAMP_HEADER.lower()]
    if not stamp.isascii() or not stamp.isdigit():
        raise SignatureError(f"expected a timestamp in whole seconds, found {stamp!r}")
    expected = sign(secret, delivery_id, int(stamp), body)
    given = [lowered.get(name.lower(), "") for name in (SIGNATURE_HEADER, NEXT_SIGNATURE_HEADER)]
    if not any(hmac.compare_digest(expected.encode(), one.encode()) for one in given):
        raise SignatureError("the signature does not match the body and this secret")
    if abs(now_seconds - int(stamp)) > REPLAY_WINDOW_SECONDS:
        raise SignatureError(
            f"expected a timestamp within {REPLAY_WINDOW_SECONDS} s of now, found {stamp}"
        )
    return delivery_id
