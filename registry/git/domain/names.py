"""Translates model names to gto's artifact names and back.

gto allows letters, digits, `-`, `_` and `/`, with a letter or digit at both ends. Everything else
is written `_xHH`, one for each byte of its UTF-8. A `/` is escaped too, so that no tag is ever a
folder of another; a `_` is escaped where it would read as the start of an escape. The result is
never `..`, never ends with `.lock` and holds no character that git refuses.
"""

from __future__ import annotations

import re

from infra.errors import UsageError

MAX_TAG_BYTES = 240
"""A loose ref is a file: 255 bytes, less git's `.lock` and some room for counters."""

_PLAIN = re.compile(r"[A-Za-z0-9_-]")
_LETTER = re.compile(r"[A-Za-z0-9]")
_LOOKS_ESCAPED = re.compile(r"_x[0-9A-F]{2}")
_ESCAPE = re.compile(rb"_x([0-9A-F]{2})")
_BEGINS_ODDLY = "x_x00"
"""Stands before a name whose first character may not begin an artifact; no name holds a NUL."""


class NameRefusedError(UsageError):
    """A model's name cannot be a tag, even escaped."""

    code = "git.name_refused"


CHECKPOINTS = "acgs-audit/"
"""Beginning of the names of tags of the audit log's checkpoints, which are in nobody's grammar."""


def to_artifact(name: str) -> str:
    """Return the artifact name of a model: `credit.v2 eu` is `credit_x2Ev2_x20eu`.

    Raises:
        NameRefusedError: it is empty, holds a NUL or is too long when escaped.
    """
    if not name or "\0" in name:
        raise NameRefusedError(f"expected a model name for a git tag, found {name!r}")
    last = len(name) - 1
    written = "".join(_written(name, place, last) for place in range(len(name)))
    artifact = written if _LETTER.match(name) else _BEGINS_ODDLY + written
    if len(artifact) > MAX_TAG_BYTES:
        raise NameRefusedError(
            f"expected at most {MAX_TAG_BYTES} bytes in a git tag, found {len(artifact)} for the "
            f"model name {name[:60]!r} alone",
            hint="rename the model, or leave it without tags: nothing else waits for it",
        )
    return artifact


def _written(name: str, place: int, last: int) -> str:
    character = name[place]
    plain = _PLAIN.match(character) is not None
    if place == last:
        plain = _LETTER.match(character) is not None
    if plain and not _LOOKS_ESCAPED.match(name, place):
        return character
    return "".join(f"_x{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def to_name(artifact: str) -> str | None:
    """Return the model that an artifact name stands for; None if it stands for none."""
    rest = artifact.removeprefix(_BEGINS_ODDLY)
    raw = _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), rest.encode())
    try:
        name = raw.decode("utf-8", "surrogatepass")
        return name if to_artifact(name) == artifact else None
    except (UnicodeDecodeError, NameRefusedError):
        return None
