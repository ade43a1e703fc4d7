"""Defines the errors of the access rules."""

from __future__ import annotations

from infra.errors import RefusedError, UsageError
from registry.access.domain.rules import Denial
from registry.access.domain.verbs import MEANINGS


class AccessInvalidError(UsageError):
    """A document of roles is not one, or would lock everybody out."""

    code = "access.invalid"


class AccessUnsetError(RefusedError):
    """Callers are known, but no roles are in force: nothing governed may change."""

    code = "access.unset"


class AccessDeniedError(RefusedError):
    """The roles in force do not let this caller do that."""

    code = "access.denied"

    def __init__(self, denial: Denial) -> None:
        super().__init__(_message(denial), hint=_hint(denial))
        self.denial = denial


def _message(denial: Denial) -> str:
    about = f" for {denial.name}" if denial.name is not None else ""
    stage = f" to {denial.stage}" if denial.stage is not None else ""
    who = denial.principal.name
    return (
        f"expected the permission {denial.verb}{stage}{about} "
        f"({MEANINGS[denial.verb]}), found that {who} does not have it"
    )


def _hint(denial: Denial) -> str:
    if not denial.principal.is_named:
        return "say who you are: acgs login, or MLFLOW_TRACKING_USERNAME and ..._PASSWORD"
    roles = f"the role {' or '.join(denial.roles)} has it" if denial.roles else "no role has it"
    givers = ", ".join(denial.givers)
    return f"{roles}; {givers} can give it: acgs access adopt FILE"
