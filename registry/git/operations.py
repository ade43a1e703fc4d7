"""Brings the tags in step with the registry, for callers who may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from infra.clock import utc_now
from infra.component import Operation
from infra.errors import exit_code
from infra.operation_arguments import Asked, flag, no_others
from registry.access.domain.verbs import Verb
from registry.access.permitted import permitted
from registry.bootstrap import open_registry

if TYPE_CHECKING:
    from infra.settings import Settings
    from registry.git.service import GitTags, Synced


def operations(settings: Settings) -> Mapping[str, Operation]:
    """Return the operations on tags; nothing is opened until the first is carried out."""
    access = open_registry(settings).access

    def sync(asked: Asked) -> dict[str, Any]:
        from registry.git.service import open_tags

        no_others(asked, "repair", "dry_run")
        permitted(access, Verb.KEEP)
        tags = open_tags(settings)
        try:
            if flag(asked, "dry_run"):
                return _foreseen(tags)
            return _view(tags.sync(utc_now(), repair=flag(asked, "repair")))
        finally:
            tags.engine.dispose()

    return {"sync": sync}


def _foreseen(tags: GitTags) -> dict[str, Any]:
    from registry.git.service import overview

    now = overview(tags.engine, tags.settings, utc_now())
    found = tags.check_local(utc_now(), dry_run=True).found
    found += tags.check_remote(utc_now(), dry_run=True).found
    return {
        "events": now.unread,
        "to_write": now.waiting_local,
        "to_push": now.waiting_push,
        "untagged": now.untagged,
        "found": [asdict(one) for one in found],
    }


def _view(done: Synced) -> dict[str, Any]:
    """Return what was done, and as values what ended it early: the rest was done all the same."""
    error = done.error
    return {
        "synced": {
            "events": done.events,
            "settled": done.settled,
            "made": done.made,
            "pushed": done.pushed,
            "repaired": done.repaired,
            "found": [asdict(one) for one in done.found],
            "error": str(error) if error else None,
        },
        "tampered": [asdict(one) for one in done.tampered],
        "failed": None
        if error is None
        else {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "status": exit_code(error),
        },
    }
