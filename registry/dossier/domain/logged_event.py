"""Reads an entry of the audit log as the event that it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.clock import moment
from infra.identity.principal import actor_key
from registry.audit.merkle.domain.entry import read_entry
from registry.audit.merkle.errors import MalformedError
from registry.domain.values import SYSTEM
from registry.dossier.domain.json_values import NOT_RECORDED, integer, mapping, recorded, text
from registry.dossier.errors import NotProvenError


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event, with its number in the log."""

    sequence: int
    uid: str
    type: str
    name: str
    version: int | None
    request_id: int | None
    actor: str
    at_ms: int
    data: Mapping[str, object] = field(hash=False)
    principal: Mapping[str, object] = field(hash=False)

    @classmethod
    def read(cls, entry: bytes) -> LoggedEvent:
        """Read an entry.

        Raises:
            NotProvenError: it is none that the log writes.
        """
        try:
            found = read_entry(entry)
        except MalformedError as err:
            raise NotProvenError(err.message) from err
        sequence, at_ms = integer(found.get("sequence")), integer(found.get("at_ms"))
        if sequence is None or at_ms is None:
            raise NotProvenError("expected an entry of the audit log, found something else")
        return cls(
            sequence=sequence,
            uid=text(found.get("uid")),
            type=text(found.get("type")),
            name=text(found.get("name")),
            version=integer(found.get("version")),
            request_id=integer(found.get("request_id")),
            actor=text(found.get("actor")),
            at_ms=at_ms,
            data=mapping(found.get("data")),
            principal=mapping(found.get("principal")),
        )

    @property
    def person(self) -> str:
        """Return the key by which two spellings of the actor are one person."""
        return text(self.principal.get("key")) or actor_key(self.actor)

    def cited(self) -> dict[str, object]:
        """Return when it was and which event says so."""
        return {"at": moment(self.at_ms), "event": self.sequence}

    def who(self) -> dict[str, object]:
        """Return who did it, and from where the name is known."""
        if self.actor == SYSTEM:
            return {"actor": self.actor, "known_by": "the platform itself"}
        known_by = recorded(self.principal.get("source"))
        return {"actor": recorded(self.actor), "known_by": known_by}

    def told(self, key: str) -> object:
        """Return a value of the event's data, or that it is not recorded."""
        return recorded(self.data.get(key))


def digests(event: LoggedEvent) -> dict[str, object]:
    """Return every digest that an event names, by what it is of."""
    found = {key: value for key, value in event.data.items() if key.endswith("_digest")}
    return {key: value if value else NOT_RECORDED for key, value in found.items()}
