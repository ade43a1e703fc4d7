"""Keeps a service token within its scope."""

from __future__ import annotations

from infra.identity.errors import OutOfScopeError
from infra.identity.principal import Principal
from registry.access.domain.verbs import Verb


def require_covered(
    principal: Principal | None, verb: Verb, name: str | None = None, stage: str | None = None
) -> None:
    """Refuse what a principal's scope does not cover. A principal without one passes.

    Raises:
        OutOfScopeError: the scope does not cover it.
    """
    if principal is None or principal.scope is None:
        return
    if not principal.scope.covers(verb.value, name, stage):
        about = "".join([f" on {name}" if name else "", f" to {stage}" if stage else ""])
        raise OutOfScopeError(
            f"expected a service token that covers {verb}{about}, found one of {principal.name} "
            f"for {', '.join(principal.scope.verbs)} on {', '.join(principal.scope.names)} to "
            f"{', '.join(principal.scope.stages)}",
            hint="have somebody make another with acgs token create",
        )
