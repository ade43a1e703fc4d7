"""Approves, rejects and withdraws requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.clock import utc_now
from infra.component import Operation
from infra.identity.current import Caller
from infra.identity.principal import actor_key
from infra.operation_arguments import Asked, flag, no_others, number, text
from registry.access.domain.verbs import Verb
from registry.access.permitted import permitted
from registry.bootstrap import Registry
from registry.domain.records import Request
from registry.domain.values import RequestState
from registry.errors import OthersRequestError
from registry.gate.outcome import refusal
from registry.views.records import request_view


def operations(registry: Registry) -> Mapping[str, Operation]:
    """Return the operations on requests; each returns the request as `acgs request show` does."""
    return {
        "approve": lambda asked: _vote(registry, asked, approved=True),
        "reject": lambda asked: _vote(registry, asked, approved=False),
        "cancel": lambda asked: _cancel(registry, asked),
    }


def _vote(registry: Registry, asked: Asked, *, approved: bool) -> dict[str, Any]:
    """Vote, and return the request.

    Raises:
        GateClosedError: the request was approved, and is refused all the same.
    """
    no_others(asked, "id", "comment", "dry_run")
    found = registry.gate.get_request(number(asked, "id"))
    comment = text(asked, "comment", "")
    caller = permitted(registry.access, Verb.APPROVE, found.judged_as, found.target)
    if flag(asked, "dry_run"):
        return request_view(found)
    vote = registry.gate.approve if approved else registry.gate.reject
    voted = vote(found.id, caller.actor, comment, utc_now())
    if approved and voted.state is RequestState.REFUSED:
        raise refusal(voted)
    return request_view(voted)


def _cancel(registry: Registry, asked: Asked) -> dict[str, Any]:
    no_others(asked, "id", "dry_run")
    found = registry.gate.get_request(number(asked, "id"))
    caller = permitted(registry.access, Verb.ASK, found.judged_as, found.target)
    _refuse_others(registry, found, caller)
    if flag(asked, "dry_run"):
        return request_view(found)
    return request_view(registry.gate.cancel(found.id, caller.actor, utc_now()))


def _refuse_others(registry: Registry, request: Request, caller: Caller) -> None:
    """Refuse to withdraw somebody else's request, where names are proven.

    Raises:
        OthersRequestError: another person made it.
    """
    if registry.access.is_open or actor_key(request.actor) == caller.principal.key:
        return
    raise OthersRequestError(
        f"expected {request.actor}, who made request {request.id}, to cancel it, found "
        f"{caller.actor}",
        hint=f"who may approve it can end it: acgs reject {request.id}",
    )
