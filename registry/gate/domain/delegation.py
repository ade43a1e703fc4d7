"""Says when one person may vote for another."""

from __future__ import annotations

from dataclasses import dataclass

from infra.identity.principal import Principal


@dataclass(frozen=True, slots=True)
class Delegation:
    """A person lends the vote that their roles give them.

    Only roles of the lender's own are lent, so a delegation never passes on a borrowed vote.

    Attributes:
        lender: whose vote it is, as known when it was lent.
        deputy: name of the person who may vote for the lender.
        deputy_key: that name as it is compared.
        role: the only role that is lent; empty for all of the lender's.
        names: patterns of model names that it is for.
        until_ms: when it ends; a vote given before counts on.
        revoked_ms: when the lender took it back; votes given by it are void then.
    """

    id: int
    lender: Principal
    deputy: str
    deputy_key: str
    role: str
    names: tuple[str, ...]
    created_ms: int
    until_ms: int
    revoked_ms: int | None = None

    def is_in_force(self, at_ms: int) -> bool:
        """Return whether the deputy may vote by it at a moment."""
        return self.revoked_ms is None and self.created_ms <= at_ms < self.until_ms
