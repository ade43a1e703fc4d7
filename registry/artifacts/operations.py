"""Sets and ends legal holds, repairs and frees files, and changes the key that signs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from infra.batches import Batch
from infra.clock import utc_now
from infra.component import Operation
from infra.errors import ConflictError
from infra.operation_arguments import Asked, flag, no_others, text
from infra.settings import Settings
from registry.access.domain.verbs import Verb
from registry.access.permitted import permitted
from registry.bootstrap import Registry, open_registry
from registry.domain.records import VersionRecord

if TYPE_CHECKING:
    from registry.artifacts.bootstrap import Artifacts

_Change = Callable[[VersionRecord, str, str, datetime], bool]


def operations(settings: Settings) -> Mapping[str, Operation]:
    """Return the operations; nothing is opened until the first is carried out."""
    # Late: who only offers operations needs none of what keeps files.
    from registry.artifacts.bootstrap import artifacts_of

    registry = open_registry(settings)
    keeping = _Keeping(artifacts_of(settings, registry))
    return {
        "hold": lambda asked: _hold(registry, asked, registry.custody.hold),
        "release": lambda asked: _hold(registry, asked, registry.custody.release),
        "repair": keeping.repair,
        "expire": keeping.expire,
        "rotate_key": keeping.rotate_key,
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


@dataclass(frozen=True, slots=True)
class _Keeping:
    """What is done to files and to the key, in calls that end in time."""

    artifacts: Artifacts
    # A lease keeps other processes out of the replica, this other callers of the same one.
    lock: threading.Lock = field(default_factory=threading.Lock)

    def repair(self, asked: Asked) -> dict[str, Any]:
        """Repair one version, or all that are known to be damaged."""
        no_others(asked, "name", "version", "after", "dry_run")
        registry = self.artifacts.kit.registry
        if "name" in asked:
            named = registry.versions.find_version(text(asked, "name"), text(asked, "version"))
            caller = permitted(registry.access, Verb.KEEP, named.name)
            records = [named]
        else:
            caller = permitted(registry.access, Verb.KEEP)
            records = self.artifacts.repairing.damaged()
        batch = Batch()
        each = batch.of(records, lambda record: record.uid, text(asked, "after", ""))
        if flag(asked, "dry_run"):
            views = [self._planned(record) for record in each]
        else:
            with self._alone():
                views = [self._repaired(record, caller.actor) for record in each]
        return {"versions": views, "next": batch.next}

    def _planned(self, record: VersionRecord) -> dict[str, Any]:
        return {
            "ref": str(record.ref),
            "would_repair": list(self.artifacts.repairing.plan(record)),
        }

    def _repaired(self, record: VersionRecord, actor: str) -> dict[str, Any]:
        custody = self.artifacts.kit.registry.custody
        before = custody.quarantine_of(record.uid)
        done = self.artifacts.repairing.repair(record, actor)
        quarantined = custody.quarantine_of(record.uid)
        return {
            "ref": str(record.ref),
            "restored": list(done.restored),
            "removed": list(done.removed),
            "missing": list(done.missing),
            "copied": list(done.copied),
            "quarantined": quarantined.detail if quarantined else None,
            "was_quarantined": before is not None,
            "strays": str(done.strays) if done.strays else None,
        }

    def expire(self, asked: Asked) -> dict[str, Any]:
        """Free what nothing needs, or say why each version's files may or may not go."""
        no_others(asked, "after", "dry_run")
        caller = permitted(self.artifacts.kit.registry.access, Verb.KEEP)
        retention = self.artifacts.retention
        if flag(asked, "dry_run"):
            return {"decisions": [asdict(one) for one in retention.decisions()], "next": None}
        batch, freed = Batch(), list[dict[str, Any]]()
        with self._alone():
            for done in batch.arriving(retention.expire(caller.actor)):
                freed.append({**asdict(done.decision), "size_bytes": done.size_bytes})
        return {"freed": freed, "next": batch.next}

    def rotate_key(self, asked: Asked) -> dict[str, Any]:
        """Sign with a new key from now on."""
        no_others(asked, "dry_run")
        permitted(self.artifacts.kit.registry.access, Verb.KEEP)
        keys = self.artifacts.kit.keys
        before = keys.current()
        return {"before": before, "now": None if flag(asked, "dry_run") else keys.rotate()}

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self.lock.acquire(blocking=False):
            raise ConflictError(
                "expected nobody else to repair or free files, found somebody at it",
                hint="try again in a minute",
            )
        try:
            yield
        finally:
            self.lock.release()
