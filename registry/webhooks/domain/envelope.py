"""Builds the JSON body of a webhook, in the shape of MLflow's own webhooks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from registry.audit.domain.databricks import names_of
from registry.audit.domain.interest import stage_of


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One event as stored in the outbox.

    Attributes:
        uid: the event's identity, equal in every subscriber's delivery.
        type: `entity.action`, e.g. `transition_request.created`.
        at_ms: when it happened, milliseconds since the epoch.
        data: the event's own facts (JSON values).
    """

    uid: str
    type: str
    name: str
    version: int | None
    request_id: int | None
    actor: str
    at_ms: int
    data: Mapping[str, object] = field(hash=False)


def envelope(event: Occurrence) -> bytes:
    """Return the body of a delivery; every attempt has the same bytes."""
    entity, _, action = event.type.partition(".")
    at = datetime.fromtimestamp(event.at_ms / 1000, UTC)
    aliases = names_of(event.type, stage_of(event.data), event.data)
    return json.dumps(
        {
            "entity": entity,
            "action": action,
            "timestamp": at.isoformat(),
            "data": {
                **event.data,
                "event_id": event.uid,
                "event_type": event.type,
                "name": event.name,
                "version": event.version,
                "request_id": event.request_id,
                "actor": event.actor,
                **({"databricks_events": list(aliases)} if aliases else {}),
            },
        }
    ).encode()
