"""Reads principals as they are stored with what they did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.identity.principal import Kind, Principal, Source


def principal_of(facts: Mapping[str, Any] | None) -> Principal | None:
    """Return the principal that these facts describe; None for none."""
    if not facts:
        return None
    return Principal(
        facts["name"], Kind(facts["kind"]), tuple(facts["groups"]), Source(facts["source"])
    )
