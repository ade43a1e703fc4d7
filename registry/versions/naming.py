"""Parses NAME@VERSION as people and URLs write it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infra.errors import UsageError

# A model's name may contain an `@`; a version does not, but for the one that marks an alias.
_NAMED = re.compile(r"(?P<name>.+?)@(?P<spec>@?[^@]+)", re.DOTALL)
_VERSIONS = "VERSION is 1.2.0, 1.x, latest, a number, an alias or a stage"


@dataclass(frozen=True, slots=True)
class NamedVersion:
    """A model, and which of its versions: `spec` is what `Catalogue.find_version` takes."""

    name: str
    spec: str


def read_version(text: str) -> NamedVersion:
    """Read `NAME@VERSION`: `credit@1.2.0`, `credit@1.x`, `credit@3`, `credit@champion`.

    An alias that is spelled like a number or a stage has a second `@`: `credit@@staging`.

    Raises:
        UsageError: a part is missing.
    """
    found = _NAMED.fullmatch(text)
    if found is None:
        part = text.strip("@")
        only_version = bool(part) and text.startswith("@")
        named = f"NAME@{part}" if only_version else f"{part or 'NAME'}@VERSION"
        raise UsageError(
            f"expected NAME@VERSION, found {text!r}", hint=f"write {named}; {_VERSIONS}"
        )
    return NamedVersion(found["name"], found["spec"])


def read_name_or_version(text: str) -> tuple[str, str | None]:
    """Read `NAME[@VERSION]`; the version is None if there is none.

    Raises:
        UsageError: a part is empty.
    """
    if text and "@" not in text:
        return text, None
    try:
        named = read_version(text)
    except UsageError:
        raise UsageError(f"expected NAME or NAME@VERSION, found {text!r}", hint=_VERSIONS) from None
    return named.name, named.spec
