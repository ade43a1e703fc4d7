"""Finds out who asks for an operation, and whether they may."""

from __future__ import annotations

from infra.errors import UnauthenticatedError
from infra.identity.current import Caller, current_caller
from registry.access.domain.verbs import Verb
from registry.access.service import Access
from registry.domain.values import Stage


class NobodyAsksError(UnauthenticatedError):
    """Something would change, and nothing says for whom."""

    code = "auth.nobody"


def permitted(
    access: Access, verb: Verb, name: str | None = None, stage: Stage | None = None
) -> Caller:
    """Return who asks, if they may.

    Raises:
        NobodyAsksError: nobody does; never taken for the platform itself.
        AccessDeniedError, AccessUnsetError: they may not.
    """
    caller = current_caller()
    if caller is None:
        raise NobodyAsksError(
            f"expected a caller who wants to {verb}, found none",
            hint="this is a fault of the platform: report it",
        )
    access.require(caller.principal, verb, name, stage)
    return caller
