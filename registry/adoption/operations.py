"""Records versions that plain MLflow registered, for callers who may."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from infra.batches import BATCH_SECONDS
from infra.component import Operation
from infra.operation_arguments import Asked, flag, no_others, text
from infra.processes.leases import this_process
from registry.access.domain.verbs import Verb
from registry.access.permitted import permitted
from registry.adoption.backfill import Backfill
from registry.bootstrap import open_registry

if TYPE_CHECKING:
    from infra.settings import Settings


def operations(settings: Settings) -> Mapping[str, Operation]:
    """Return the operations of adoption; nothing is opened until the first is carried out."""
    registry = open_registry(settings)

    def run(asked: Asked) -> dict[str, Any]:
        no_others(asked, "name", "dry_run")
        name = text(asked, "name") if "name" in asked else None
        caller = permitted(registry.access, Verb.KEEP, name)
        # Two callers in one process are two workers, of which one waits.
        holder = f"{this_process()}|{uuid.uuid4().hex[:8]}"
        backfill = Backfill(registry, actor=caller.actor, holder=holder)
        recorded = 0
        if not flag(asked, "dry_run"):
            with _in_time() as stop:
                recorded = backfill.work(stop, name)
        waiting = backfill.waiting()
        left = {name: waiting.get(name, 0)} if name is not None else waiting
        return {
            "recorded": recorded,
            "waiting": sum(left.values()),
            "models_waiting": sum(1 for count in left.values() if count),
            "holder": backfill.progress().holder,
        }

    return {"run": run}


@contextmanager
def _in_time() -> Iterator[threading.Event]:
    """Yield what ends the work before the client gives up."""
    stop = threading.Event()
    timer = threading.Timer(BATCH_SECONDS, stop.set)
    timer.daemon = True
    timer.start()
    try:
        yield stop
    finally:
        timer.cancel()
        timer.join()
