"""Sets and ends legal holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from infra.clock import utc_now
from infra.component import Operation
from infra.operation_arguments import Asked, flag, no_others, text
from infra.settings import Settings
from registry.access.domain.verbs import Verb
from registry.access.permitted import permitted
from registry.bootstrap import Registry, open_registry
from registry.domain.records import VersionRecord

_Change = Callable[[VersionRecord, str, str, datetime], bool]


def operations(settings: Settings) -> Mapping[str, Operation]:
    """Return the operations; nothing is opened until the first is carried out."""
    registry = open_registry(settings)
    return {
        "hold": lambda asked: _hold(registry, asked, registry.custody.hold),
        "release": lambda asked: _hold(registry, asked, registry.custody.release),
    }


def _hold(registry: Registry, asked: Asked, change: _Change) -> dict[str, Any]:
    no_others(asked, "name", "version", "reason", "dry_run")
    record = registry.versions.find_version(text(asked, "name"), text(asked, "version"))
    reason = text(asked, "reason")
    caller = permitted(registry.access, Verb.HOLD, record.name)
    if flag(asked, "dry_run"):
        return {"version": str(record.ref), "changed": None}
    return {
        "version": str(record.ref),
        "changed": change(record, reason, caller.actor, utc_now()),
    }
