"""Approves, rejects, comments on and withdraws requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.clock import utc_now
from infra.component import Operation
from infra.identity.current import Caller
from infra.identity.principal import actor_key
from infra.operation_arguments import Asked, flag, no_others, number, text
from registry.access.domain.verbs import Verb
from registry.access.permitted import heard, permitted
from registry.bootstrap import Registry
from registry.domain.records import Request
from registry.domain.values import RequestState
from registry.errors import OthersRequestError
from registry.gate.approvals import Manner
from registry.gate.domain.votes import Screen
from registry.gate.outcome import refusal
from registry.screens.screen import seen
from registry.views.people import whole_request_view

_LONGEST_NAME = 256


def operations(registry: Registry) -> Mapping[str, Operation]:
    """Return the operations on requests; each returns the request as `acgs request show` does."""
    return {
        "approve": lambda asked: _approve(registry, asked),
        "reject": lambda asked: _reject(registry, asked),
        "withdraw_approval": lambda asked: _withdraw(registry, asked),
        "comment": lambda asked: _comment(registry, asked),
        "cancel": lambda asked: _cancel(registry, asked),
    }


def _approve(registry: Registry, asked: Asked) -> dict[str, Any]:
    """Approve, and return the request.

    Raises:
        GateClosedError: the request was approved, and is refused all the same.
    """
    no_others(asked, "id", "comment", "for", "shown", "screen", "dry_run")
    found, comment = _found(registry, asked), text(asked, "comment", "")
    lender = text(asked, "for", "", longest=_LONGEST_NAME)
    shown = text(asked, "shown", "", longest=_LONGEST_NAME)
    # What a deputy needs is the lender's right, which the vote itself is held to.
    caller = _heard(registry, found) if lender else _permitted(registry, Verb.APPROVE, found)
    if flag(asked, "dry_run"):
        return whole_request_view(registry, found)
    manner = Manner(lender, shown, _seen(registry, asked, found))
    voted = registry.approvals.approve(found.id, caller.actor, comment, utc_now(), manner)
    if voted.state is RequestState.REFUSED:
        raise refusal(voted)
    return whole_request_view(registry, voted)


def _reject(registry: Registry, asked: Asked) -> dict[str, Any]:
    no_others(asked, "id", "comment", "screen", "dry_run")
    found, reason = _found(registry, asked), text(asked, "comment", "")
    caller = _permitted(registry, Verb.APPROVE, found)
    if flag(asked, "dry_run"):
        return whole_request_view(registry, found)
    screen = _seen(registry, asked, found)
    rejected = registry.approvals.reject(found.id, caller.actor, reason, utc_now(), screen)
    return whole_request_view(registry, rejected)


def _seen(registry: Registry, asked: Asked, request: Request) -> Screen | None:
    """Return what the caller votes by; None on a closed request, which takes no vote."""
    if request.state is not RequestState.OPEN:
        return None
    return seen(registry, request, text(asked, "screen", "", longest=_LONGEST_NAME))


def _withdraw(registry: Registry, asked: Asked) -> dict[str, Any]:
    no_others(asked, "id", "dry_run")
    found = _found(registry, asked)
    # Nobody needs a right to take back what they said.
    caller = _heard(registry, found)
    if flag(asked, "dry_run"):
        return whole_request_view(registry, found)
    return whole_request_view(
        registry, registry.approvals.withdraw(found.id, caller.actor, utc_now())
    )


def _comment(registry: Registry, asked: Asked) -> dict[str, Any]:
    no_others(asked, "id", "comment", "dry_run")
    found, comment = _found(registry, asked), text(asked, "comment")
    caller = _heard(registry, found)
    if flag(asked, "dry_run"):
        return whole_request_view(registry, found)
    commented = registry.approvals.comment(found.id, caller.actor, comment, utc_now())
    return whole_request_view(registry, commented)


def _cancel(registry: Registry, asked: Asked) -> dict[str, Any]:
    no_others(asked, "id", "dry_run")
    found = _found(registry, asked)
    caller = _permitted(registry, Verb.ASK, found)
    _refuse_others(registry, found, caller)
    if flag(asked, "dry_run"):
        return whole_request_view(registry, found)
    return whole_request_view(registry, registry.gate.cancel(found.id, caller.actor, utc_now()))


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


def _found(registry: Registry, asked: Asked) -> Request:
    return registry.gate.get_request(number(asked, "id"))


def _permitted(registry: Registry, verb: Verb, request: Request) -> Caller:
    return permitted(registry.access, verb, request.judged_as, request.target)


def _heard(registry: Registry, request: Request) -> Caller:
    return heard(registry.access, request.judged_as, request.target)
