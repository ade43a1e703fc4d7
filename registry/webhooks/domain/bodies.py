"""Chooses how the body of a delivery is written."""

from __future__ import annotations

from registry.webhooks.domain.alertmanager import alerts
from registry.webhooks.domain.envelope import Occurrence, envelope
from registry.webhooks.domain.slack import message
from registry.webhooks.domain.terms import Format


def body_of(event: Occurrence, format: Format) -> bytes:
    """Return the body; every attempt has the same bytes."""
    match format:
        case Format.MLFLOW:
            return envelope(event)
        case Format.SLACK:
            return message(event)
        case Format.ALERTMANAGER:
            return alerts(event)
