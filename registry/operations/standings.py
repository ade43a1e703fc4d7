"""Advises against versions, withdraws them and takes that back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.clock import utc_now
from infra.component import Operation
from infra.operation_arguments import Asked, flag, no_others, text
from registry.access.domain.verbs import Verb
from registry.access.permitted import permitted
from registry.bootstrap import Registry
from registry.domain.values import Standing
from registry.retirement.standing import check_reason
from registry.views.records import version_view


def operations(registry: Registry) -> Mapping[str, Operation]:
    """Return the operations on a version's standing; each returns the version as it was or is."""
    return {
        "deprecate": lambda asked: _change(registry, asked, Standing.DEPRECATED),
        "yank": lambda asked: _change(registry, asked, Standing.YANKED),
        "restore": lambda asked: _change(registry, asked, Standing.ACTIVE),
    }


def _change(registry: Registry, asked: Asked, to: Standing) -> dict[str, Any]:
    no_others(asked, "name", "version", "reason", "dry_run")
    record = registry.versions.find_version(text(asked, "name"), text(asked, "version"))
    reason = check_reason(text(asked, "reason"))
    caller = permitted(registry.access, Verb.RETIRE, record.name)
    if flag(asked, "dry_run"):
        registry.standings.check_change(record, to)
        return version_view(registry, record)
    match to:
        case Standing.DEPRECATED:
            change = registry.standings.deprecate
        case Standing.YANKED:
            change = registry.standings.yank
        case Standing.ACTIVE:
            change = registry.standings.restore
    change(record.uid, caller.actor, reason, utc_now())
    return version_view(registry, registry.versions.version(record.uid))
