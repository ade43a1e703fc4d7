from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from mlflow.webhooks import constants
from mlflow.webhooks.delivery import _generate_hmac_signature

from infra import signing
from registry.webhooks.domain.envelope import Occurrence, envelope

CREATED = Occurrence(
    uid="7b0c",
    type="transition_request.created",
    name="crédit",
    version=3,
    request_id=42,
    actor="ada",
    at_ms=1_700_000_000_123,
    data={"target": "Production", "name": "overridden by the event's own"},
)


def test_the_body_has_the_shape_of_mlflows_webhooks() -> None:
    assert json.loads(envelope(CREATED)) == {
        "entity": "transition_request",
        "action": "created",
        "timestamp": "2023-11-14T22:13:20.123000+00:00",
        "data": {
            "target": "Production",
            "event_id": "7b0c",
            "event_type": "transition_request.created",
            "name": "crédit",
            "version": 3,
            "request_id": 42,
            "actor": "ada",
        },
    }


@given(st.text(min_size=1), st.uuids(), st.integers(0, 2**33), st.text())
def test_signatures_are_byte_for_byte_mlflows(
    secret: str, delivery_id: object, stamp: int, name: str
) -> None:
    body = envelope(Occurrence("u", "model.renamed", name, None, None, "ada", 0, {"to": name}))
    theirs = _generate_hmac_signature(secret, str(delivery_id), str(stamp), body.decode())
    assert signing.sign(secret, str(delivery_id), stamp, body) == theirs


def test_header_names_are_mlflows() -> None:
    assert signing.signed_headers("secret", "id", 1, b"").keys() == {
        constants.WEBHOOK_DELIVERY_ID_HEADER,
        constants.WEBHOOK_TIMESTAMP_HEADER,
        constants.WEBHOOK_SIGNATURE_HEADER,
    }
