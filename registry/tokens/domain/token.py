"""Defines a service token, as it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from infra.identity.principal import Kind, Principal, Scope, Source


class TokenState(StrEnum):
    """Whether a token holds."""

    LIVE = "live"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """A token without its secret.

    Attributes:
        id: by which it is revoked.
        name: of the service that holds it; several tokens may have one name.
        digest: of its text.
        last_used_ms: to within a minute; None if it never was used.
    """

    id: str
    name: str
    digest: str
    scope: Scope
    created_by: str
    created_ms: int
    expires_ms: int
    revoked_ms: int | None = None
    revoked_by: str | None = None
    last_used_ms: int | None = None

    def state(self, now_ms: int) -> TokenState:
        """Return whether the token holds at a moment."""
        if self.revoked_ms is not None:
            return TokenState.REVOKED
        return TokenState.EXPIRED if now_ms >= self.expires_ms else TokenState.LIVE

    @property
    def principal(self) -> Principal:
        """Who comes with it."""
        return Principal(self.name, Kind.SERVICE, (), Source.SERVICE_TOKEN, self.scope)
