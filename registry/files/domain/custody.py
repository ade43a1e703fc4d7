"""Describes what protects a version's files, and why a version must not be used."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unusable(StrEnum):
    """Says why a version's files cannot be used."""

    DAMAGED = "damaged"
    FREED = "freed"

    @property
    def word(self) -> str:
        """Return the word for a version in this state."""
        match self:
            case Unusable.DAMAGED:
                return "quarantined"
            case Unusable.FREED:
                return "freed"


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Says why a version must not be used, and since when."""

    version_uid: str
    kind: Unusable
    detail: str
    actor: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class LegalHold:
    """A person's order that nothing of a version may be freed."""

    version_uid: str
    reason: str
    actor: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class Protected:
    """A registered version whose files lie where somebody wants to write."""

    name: str
    version: int
    semver: str
    place: str
