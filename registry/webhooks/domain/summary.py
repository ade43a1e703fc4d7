"""Says in one line what happened, for people."""

from __future__ import annotations

from collections.abc import Mapping

from registry.audit.domain.interest import stage_of
from registry.webhooks.domain.envelope import Occurrence


def summary(event: Occurrence) -> str:
    """Return what happened, e.g. `transition request refused: credit 3 to Production by ada`."""
    what = event.type.replace("_", " ").replace(".", " ")
    version = f" {event.version}" if event.version is not None else ""
    stage = stage_of(event.data)
    to = f" to {stage}" if stage else ""
    return f"{what}: {event.name}{version}{to} by {event.actor}"


def reasons(event: Occurrence) -> list[str]:
    """Return the reasons that an event gives, one line each."""
    found = event.data.get("reasons", event.data.get("reason"))
    if isinstance(found, str):
        return [found]
    if not isinstance(found, list):
        return []
    return [_reason(one) for one in found]


def _reason(one: object) -> str:
    if not isinstance(one, Mapping):
        return str(one)
    return f"{one.get('rule')}: expected {one.get('expected')}, found {one.get('found')}"


def shortened(text: str, longest: int) -> str:
    """Return a text of at most so many characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
