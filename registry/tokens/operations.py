"""Makes and revokes service tokens for callers who may put roles in force.

Whoever makes a token can act as its service, and so do whatever the roles let that service do.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from infra.clock import to_millis, utc_now
from infra.component import Operation
from infra.identity.principal import Scope
from infra.operation_arguments import Asked, flag, no_others, number, text, texts
from registry.access.domain.verbs import Verb
from registry.access.permitted import permitted
from registry.access.service import Access
from registry.domain.records import Act
from registry.tokens.service import Tokens


def operations(access: Access, tokens: Tokens) -> Mapping[str, Operation]:
    """Return the operations on service tokens; a token's text is shown to its maker alone."""

    def create(asked: Asked) -> dict[str, Any]:
        no_others(asked, "service", "names", "stages", "verbs", "days", "dry_run")
        service, lasts = text(asked, "service"), timedelta(days=min(number(asked, "days"), 10_000))
        scope = Scope(texts(asked, "names"), texts(asked, "stages"), texts(asked, "verbs"))
        caller = permitted(access, Verb.CHANGE_ACCESS)
        if flag(asked, "dry_run"):
            return {"id": None, "text": None}
        act = Act(caller.actor, to_millis(utc_now()))
        made, secret = tokens.create(service, scope, lasts, act)
        return {"id": made.id, "text": secret}

    def revoke(asked: Asked) -> dict[str, Any]:
        no_others(asked, "which", "dry_run")
        which = text(asked, "which")
        caller = permitted(access, Verb.CHANGE_ACCESS)
        if flag(asked, "dry_run"):
            return {"ids": [each.id for each in tokens.named(which)]}
        return {"ids": [each.id for each in tokens.revoke(which, caller.actor, utc_now())]}

    return {"create_token": create, "revoke_token": revoke}
