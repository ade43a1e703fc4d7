"""What docs/reference/cli-json.md promises."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.docs.code_facts import ROOT

_PAGE = ROOT / "docs" / "reference" / "cli-json.md"
_ROW = re.compile(r"^\| `(acgs [^`]+)` \| (object|list|map) \| (.*) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Promise:
    """What the page says of a command.

    Attributes:
        kind: `object`, `list` of objects, or `map` from names to objects.
        keys: of each object.
    """

    kind: str
    keys: frozenset[str]


def promises() -> dict[str, Promise]:
    """Return what the page says, by command."""
    return {
        command: Promise(kind, frozenset(re.findall(r"`(\w+)`", keys)))
        for command, kind, keys in _ROW.findall(_PAGE.read_text("utf-8"))
    }
