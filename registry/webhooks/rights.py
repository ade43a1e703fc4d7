"""Decides whether a subscription's owner may read an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from infra.errors import RefusedError
from infra.identity.principal import Principal
from registry.access.domain.verbs import Verb
from registry.access.service import Access
from registry.webhooks.domain.envelope import Occurrence

_OF_THE_PLATFORM = frozenset(
    {"access", "audit", "confinement", "constitution", "evidence", "service_token", "webhook"}
)
"""First words of types whose name is not a model's: they need `read` for every name."""


class Rights(Protocol):
    """What the delivery loop asks before it sends."""

    def missing(self, owner: Principal, event: Occurrence) -> str | None:
        """Return why the owner may not read an event; None if they may."""


@dataclass(frozen=True, slots=True)
class ReadRights:
    """Asks the roles in force now."""

    access: Access

    def missing(self, owner: Principal, event: Occurrence) -> str | None:
        """Return why the owner may not read an event; None if they may."""
        entity = event.type.partition(".")[0]
        name = None if entity in _OF_THE_PLATFORM else event.name
        try:
            self.access.require(owner, Verb.READ, name)
        except RefusedError as err:
            return err.message
        return None
