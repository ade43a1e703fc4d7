"""Repairs what is wrong with versions, for callers who may."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from infra.batches import Batch
from infra.clock import utc_now
from infra.component import Operation
from infra.operation_arguments import Asked, flag, no_others, text
from registry.access.domain.verbs import Verb
from registry.access.permitted import permitted
from registry.bootstrap import Registry
from registry.checking.domain.resolution import PASSES
from registry.checking.finders import finders
from registry.domain.findings import Finding

if TYPE_CHECKING:
    from infra.settings import Settings


def operations(settings: Settings, registry: Registry) -> Mapping[str, Operation]:
    """Return the operations on findings."""

    def resolve(asked: Asked) -> dict[str, Any]:
        no_others(asked, "name", "after", "dry_run")
        name = text(asked, "name") if "name" in asked else None
        caller, dry_run = permitted(registry.access, Verb.KEEP, name), flag(asked, "dry_run")
        batch, done, left = Batch(), list[Finding](), list[Finding]()
        for each in batch.of(_names(registry, name), str, text(asked, "after", "")):
            if dry_run:
                left += [one for f in finders().values() for one in f.plan(settings, each)]
                continue
            done += _resolved(settings, each, caller.actor)
            left += _found(settings, each)
        return {"done": _views(done), "left": _views(left), "next": batch.next}

    return {"resolve": resolve}


def _names(registry: Registry, name: str | None) -> Sequence[str]:
    if name is None:
        return registry.checking.checkable_names()
    registry.checking.require_model(name)
    return [name]


def _resolved(settings: Settings, name: str, actor: str) -> Iterator[Finding]:
    for _ in range(PASSES):
        plan = [finding for finding in _found(settings, name) if finding.step]
        if not plan:
            return
        for finding in plan:
            if finders()[finding.finder].resolve(settings, finding, actor, utc_now()):
                yield finding


def _found(settings: Settings, name: str) -> list[Finding]:
    return [one for finder in finders().values() for one in finder.find(settings, name)]


def _views(found: Sequence[Finding]) -> list[dict[str, Any]]:
    return [asdict(finding) for finding in found]
