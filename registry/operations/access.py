"""Puts roles in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.clock import to_millis, utc_now
from infra.component import Operation
from infra.operation_arguments import Asked, flag, mapping, no_others
from registry.access.domain.verbs import Verb
from registry.access.permitted import permitted
from registry.bootstrap import Registry
from registry.domain.records import Act


def operations(registry: Registry) -> Mapping[str, Operation]:
    """Return the operations on roles."""
    return {"adopt_access": lambda asked: _adopt(registry, asked)}


def _adopt(registry: Registry, asked: Asked) -> dict[str, Any]:
    no_others(asked, "document", "dry_run")
    document = mapping(asked, "document")
    caller = permitted(registry.access, Verb.CHANGE_ACCESS)
    digest = registry.access.adopt(
        document,
        caller.principal,
        Act(caller.actor, to_millis(utc_now())),
        dry_run=flag(asked, "dry_run"),
    )
    return {"digest": digest}
