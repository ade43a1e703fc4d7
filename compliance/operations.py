"""Puts the constitution and the evidence in force, for callers who may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from compliance.constitution import constitution_file
from compliance.evidence import evidence_file
from infra.clock import to_millis, utc_now
from infra.component import Operation
from infra.identity.current import Caller
from infra.operation_arguments import Asked, flag, no_others
from registry.access.domain.verbs import Verb
from registry.access.permitted import permitted
from registry.bootstrap import open_registry
from registry.domain.records import Act

if TYPE_CHECKING:
    from infra.settings import Settings


def operations(settings: Settings) -> Mapping[str, Operation]:
    """Return compliance's operations; nothing is opened until the first is carried out."""
    registry = open_registry(settings)

    def adopt_constitution(asked: Asked) -> dict[str, Any]:
        no_others(asked, "dry_run")
        caller = permitted(registry.access, Verb.CHANGE_CONSTITUTION)
        constitution_file.load(settings)
        digest = registry.governance.adopt_constitution(
            _act(caller), dry_run=flag(asked, "dry_run")
        )
        return {"digest": digest}

    def adopt_evidence(asked: Asked) -> dict[str, Any]:
        no_others(asked, "dry_run")
        caller = permitted(registry.access, Verb.CHANGE_EVIDENCE)
        for binding in evidence_file.load(settings).bindings:
            evidence_file.holdout(settings, binding)
        digest = registry.governance.adopt_evidence(_act(caller), dry_run=flag(asked, "dry_run"))
        return {"digest": digest}

    return {"adopt_constitution": adopt_constitution, "adopt_evidence": adopt_evidence}


def _act(caller: Caller) -> Act:
    return Act(caller.actor, to_millis(utc_now()))
