"""Writes an event as what Alertmanager takes at `POST /api/v2/alerts`.

The event's own identity is an annotation: labels decide which alerts are the same one.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from registry.audit.domain.interest import outcome_of, stage_of
from registry.webhooks.domain.envelope import Occurrence
from registry.webhooks.domain.summary import reasons, summary


def alerts(event: Occurrence) -> bytes:
    """Return a list of one alert; Alertmanager ends it after its `resolve_timeout`."""
    labels = {
        "alertname": "acgs_" + event.type.replace(".", "_"),
        "event_type": event.type,
        "name": event.name,
        "version": event.version,
        "request_id": event.request_id,
        "stage": stage_of(event.data),
        "outcome": outcome_of(event.type, event.data),
    }
    annotations = {
        "summary": summary(event),
        "description": "\n".join(reasons(event)),
        "actor": event.actor,
        "event_id": event.uid,
    }
    alert = {
        "labels": {key: str(value) for key, value in labels.items() if value not in {None, ""}},
        "annotations": {key: value for key, value in annotations.items() if value},
        "startsAt": datetime.fromtimestamp(event.at_ms / 1000, UTC).isoformat(),
    }
    return json.dumps([alert]).encode()
