"""Defines `Principal`, who is asking, and the key by which two spellings are one person."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

ANONYMOUS = "anonymous"
"""Name of a caller who gave none."""
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs"})
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters of other categories that show as nothing: fillers and joiners."""


class Kind(StrEnum):
    """What a principal is."""

    PERSON = "person"
    SERVICE = "service"


class Source(StrEnum):
    """Says where a principal's name is known from."""

    CLAIM = "claim"
    BASIC_AUTH = "basic-auth"
    JWT = "jwt"
    PROXY = "proxy"
    PLATFORM = "platform"
    SERVICE_TOKEN = "service-token"  # noqa: S105 - the name of a source

    @property
    def is_proven(self) -> bool:
        """Whether somebody checked it; a claim is what the caller says."""
        return self is not Source.CLAIM


def name_key(name: str) -> str:
    """Return the text by which names are compared; equal for spellings of one name.

    Capitals, compatible letters (full-width, ligatures), accents written apart, invisible
    characters and repeated spaces make no difference. Letters of another alphabet that only look
    alike do: they are other letters.
    """
    # Unicode's compatibility caseless match (definition 146), for which folding once is too little.
    text = unicodedata.normalize("NFD", name).casefold()
    text = unicodedata.normalize("NFKD", text).casefold()
    seen = "".join(letter for letter in unicodedata.normalize("NFKD", text) if is_visible(letter))
    return unicodedata.normalize("NFKC", " ".join(seen.split()))


def is_visible(letter: str) -> bool:
    """Whether a character shows, or is a plain space."""
    if letter in " \t\n\r":
        return True
    is_variation = "\ufe00" <= letter <= "\ufe0f" or "\U000e0100" <= letter <= "\U000e01ef"
    return not (
        is_variation
        or letter in _INVISIBLE
        or unicodedata.category(letter) in _INVISIBLE_CATEGORIES
    )


def actor_key(actor: str) -> str:
    """Return the key of the name in `name@where`, as the audit trail writes an actor."""
    name, _, _where = actor.rpartition("@")
    return name_key(name or actor)


@dataclass(frozen=True, slots=True)
class Scope:
    """Limits what a principal may do, below what its name alone would allow.

    Attributes:
        names: patterns of names, as a shell's, of which one must match.
        stages: patterns of stages, compared without regard to capitals.
        verbs: patterns of verbs.
    """

    names: tuple[str, ...] = ("*",)
    stages: tuple[str, ...] = ("*",)
    verbs: tuple[str, ...] = ("*",)

    def covers(self, verb: str, name: str | None = None, stage: str | None = None) -> bool:
        """Whether the scope includes an act; what is None is not looked at."""
        return (
            _matches(self.verbs, verb)
            and (name is None or _matches(self.names, name))
            and (stage is None or _matches(self.stages, stage))
        )


def _matches(patterns: tuple[str, ...], text: str) -> bool:
    # Names are compared without capitals everywhere: a scope must not be evaded by spelling.
    return any(fnmatchcase(text.casefold(), pattern.casefold()) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Principal:
    """A person or a service that asks for something.

    Attributes:
        name: as its source writes it, for people to read. Compare `key`, never this.
        groups: that the source says it belongs to, in the source's spelling.
        source: where its name is known from.
        scope: a service token's limits; None for no limits of its own.
    """

    name: str
    kind: Kind = Kind.PERSON
    groups: tuple[str, ...] = ()
    source: Source = Source.CLAIM
    scope: Scope | None = None

    @property
    def key(self) -> str:
        """The name as it is compared; one key has one vote, whatever its kind and source."""
        return name_key(self.name)

    @property
    def subject(self) -> str:
        """`person:alice` or `service:ci`; what permissions are given to.

        A service is never the person of the same name.
        """
        return f"{self.kind}:{self.key}"

    @property
    def is_named(self) -> bool:
        """Whether it has a name."""
        return self.key not in {"", ANONYMOUS}

    def facts(self) -> dict[str, Any]:
        """Return as JSON what is stored with an act of this principal."""
        return {
            "name": self.name,
            "key": self.key,
            "kind": self.kind.value,
            "groups": list(self.groups),
            "source": self.source.value,
        }


NOBODY = Principal(ANONYMOUS)
"""A caller of an open server who gives no name."""
