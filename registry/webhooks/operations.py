"""Adds, changes, tests, removes and resends for callers who may manage webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from infra.component import Operation
from infra.operation_arguments import Asked, flag, no_others, number, text, texts
from registry.access.domain.verbs import Verb
from registry.access.permitted import permitted
from registry.access.service import Access
from registry.webhooks.domain.terms import Format, read_terms
from registry.webhooks.ping import Ping
from registry.webhooks.rotation import Rotation
from registry.webhooks.service import Webhooks


def operations(access: Access, webhooks: Webhooks) -> Mapping[str, Operation]:
    """Return the operations on webhooks; nobody is told a secret but who had it made."""
    rotation = Rotation(webhooks.engine, webhooks.sealer, webhooks.clock)
    ping = Ping(webhooks.engine, webhooks.sealer, webhooks.clock)

    def add(asked: Asked) -> dict[str, Any]:
        no_others(
            asked,
            *("name", "url", "events", "secret", "dry_run"),
            *("names", "stages", "outcomes", "format"),
        )
        caller = permitted(access, Verb.MANAGE_WEBHOOKS)
        given = text(asked, "secret") if "secret" in asked else None
        made = webhooks.add(
            text(asked, "name"),
            text(asked, "url"),
            texts(asked, "events"),
            given,
            terms=read_terms(
                names=texts(asked, "names"),
                stages=texts(asked, "stages"),
                outcomes=texts(asked, "outcomes"),
                format=text(asked, "format", Format.MLFLOW),
            ),
            owner=caller.principal,
            actor=caller.actor,
            dry_run=flag(asked, "dry_run"),
        )
        return {"secret": made if given is None else None}

    def remove(asked: Asked) -> dict[str, Any]:
        no_others(asked, "name", "dry_run")
        caller = permitted(access, Verb.MANAGE_WEBHOOKS)
        ended = webhooks.remove(
            text(asked, "name"), actor=caller.actor, dry_run=flag(asked, "dry_run")
        )
        return {"pending_ended": ended}

    def redeliver(asked: Asked) -> dict[str, Any]:
        no_others(asked, "delivery_id", "dry_run")
        caller = permitted(access, Verb.MANAGE_WEBHOOKS)
        one = text(asked, "delivery_id") if "delivery_id" in asked else None
        found = webhooks.redeliver(one, actor=caller.actor, dry_run=flag(asked, "dry_run"))
        return {"deliveries": [asdict(each) for each in found]}

    def rotate(asked: Asked) -> dict[str, Any]:
        no_others(asked, "name", "overlap_hours", "secret", "finish", "dry_run")
        caller = permitted(access, Verb.MANAGE_WEBHOOKS)
        name, dry_run = text(asked, "name"), flag(asked, "dry_run")
        if flag(asked, "finish"):
            rotation.finish(name, actor=caller.actor, dry_run=dry_run)
            return {"secret": None, "takes_over_at": None}
        overlap = timedelta(hours=min(number(asked, "overlap_hours"), 10_000))
        given = text(asked, "secret") if "secret" in asked else None
        made, at = rotation.start(name, overlap, given, actor=caller.actor, dry_run=dry_run)
        shown = made if given is None and not dry_run else None
        return {"secret": shown, "takes_over_at": at}

    def test(asked: Asked) -> dict[str, Any]:
        no_others(asked, "name", "dry_run")
        caller = permitted(access, Verb.MANAGE_WEBHOOKS)
        pong = ping.send(text(asked, "name"), actor=caller.actor, dry_run=flag(asked, "dry_run"))
        return {"answer": asdict(pong) if pong else None, "good": pong is None or pong.is_good}

    return {
        "add_webhook": add,
        "remove_webhook": remove,
        "redeliver": redeliver,
        "rotate_webhook": rotate,
        "test_webhook": test,
    }
