"""Signs a delivery with the subscription's secret, or with both while it is changed."""

from __future__ import annotations

from infra import signing
from infra.secrets import Sealer
from registry.webhooks.domain.rotation import SealedSecrets


def headers_of(
    sealer: Sealer, secrets: SealedSecrets, delivery_id: str, now_ms: int, body: bytes
) -> dict[str, str]:
    """Return the headers of a delivery that is sent now."""
    held = secrets.at(now_ms)
    following = sealer.open(held.next) if held.next is not None else None
    signed = signing.signed_headers(
        sealer.open(held.current), delivery_id, now_ms // 1000, body, next_secret=following
    )
    return {"Content-Type": "application/json", **signed}
