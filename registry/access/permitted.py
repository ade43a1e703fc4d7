"""Finds out who asks for an operation, and whether they may."""

from __future__ import annotations

from infra.errors import UnauthenticatedError
from infra.identity.current import Caller, current_caller
from registry.access.domain.verbs import Verb
from registry.access.scopes import require_covered
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
    caller = _caller(f"wants to {verb}")
    access.require(caller.principal, verb, name, stage)
    return caller


def heard(access: Access, name: str, stage: Stage | None = None) -> Caller:
    """Return who speaks about a model without needing a right of their own, if they may see it.

    So somebody takes back a vote, comments, or votes for another. A service token must cover
    `approve`: one that may only read changes nothing.

    Raises:
        NobodyAsksError: nobody does.
        AccessDeniedError, AccessUnsetError: they may not see it.
        OutOfScopeError: the token does not cover it.
    """
    caller = permitted(access, Verb.READ, name)
    require_covered(caller.principal, Verb.APPROVE, name, stage)
    return caller


def owner() -> Caller:
    """Return who wants to change something of their own, which only their name opens.

    Raises:
        NobodyAsksError: nobody does.
        OutOfScopeError: they show a service token that does not cover `approve`.
    """
    caller = _caller("owns what is to change")
    require_covered(caller.principal, Verb.APPROVE)
    return caller


def _caller(who: str) -> Caller:
    caller = current_caller()
    if caller is None:
        raise NobodyAsksError(
            f"expected a caller who {who}, found none",
            hint="this is a fault of the platform: report it",
        )
    return caller
