"""Translates a request's state for the caller: go on, wait, or an error that says why."""

from __future__ import annotations

from registry.domain.reasons import Reason
from registry.domain.records import Request
from registry.domain.values import RequestKind, RequestState
from registry.errors import GateClosedError, RequestPendingError


def is_worth_waiting(request: Request) -> bool:
    """Return whether a machine is still working on the request."""
    return request.state is RequestState.OPEN and bool(request.decision.get("machine", True))


def settled(request: Request) -> None:
    """Raise unless the request is granted."""
    match request.state:
        case RequestState.GRANTED:
            return
        case RequestState.OPEN:
            waiting = request.decision.get("waiting_for", "the compliance score")
            raise RequestPendingError(
                f"pending: request {request.id} ({describe(request)}), waiting for {waiting}",
                request.id,
                machine=is_worth_waiting(request),
            )
        case RequestState.CANCELLED:
            raise GateClosedError(f"request {request.id} ({describe(request)}) was cancelled", [])
        case RequestState.REFUSED:
            raise refusal(request)


def refusal(request: Request) -> GateClosedError:
    """Return the error that names every failed rule of a refused request."""
    reasons = [Reason(**reason) for reason in request.decision.get("reasons", [])]
    return GateClosedError(
        f"{describe(request)} was refused (request {request.id}):",
        reasons,
        hint=f"acgs request show {request.id}",
    )


def describe(request: Request) -> str:
    """Return a few words that say what was asked."""
    match request.kind:
        case RequestKind.TRANSITION:
            alias = f" as {request.alias}" if request.alias else ""
            return f"{request.ref} to {request.target}{alias}"
        case RequestKind.COPY:
            return f"copying {request.ref}, judged as {request.judged_as}"
        case RequestKind.RENAME:
            return f"renaming {request.ref}, judged as {request.judged_as}"
