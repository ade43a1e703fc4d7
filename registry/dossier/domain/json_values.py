"""Reads JSON in the one form that a dossier has, and values in it whose type nobody promised."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from registry.domain.canonical import canonical_bytes
from registry.domain.plain_json import is_shallow
from registry.dossier.errors import NotProvenError

NOT_RECORDED = "not recorded"
"""Stands where the record says nothing. Nothing is ever guessed in its place."""


def read_canonical(raw: bytes, what: str) -> dict[str, Any]:
    """Return a JSON object that is written in its canonical form (RFC 8785).

    So there is one file for one content: no second key, no space, nothing after the end.

    Raises:
        NotProvenError: it is none, or is written in another way.
    """
    try:
        value = json.loads(raw)
        if isinstance(value, dict) and is_shallow(value) and canonical_bytes(value) == raw:
            return value
    except (ValueError, RecursionError):
        pass
    raise NotProvenError(
        f"expected {what} as one canonical JSON object (RFC 8785), found something else",
        hint="the file was changed; get it again from where it was made",
    )


def recorded(value: object) -> object:
    """Return a value, or `NOT_RECORDED` where there is none."""
    return NOT_RECORDED if value is None or value == "" else value


def mapping(value: object) -> Mapping[str, object]:
    """Return a JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> Sequence[Mapping[str, object]]:
    """Return the objects of a list; none for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """Return a text; an empty one for anything else."""
    return value if isinstance(value, str) else ""


def integer(value: object) -> int | None:
    """Return an integer; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
