"""Writes an event as the entry of the log whose hash is a leaf of the tree."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from registry.audit.merkle.errors import MalformedError
from registry.domain.canonical import canonical_bytes

LARGEST_EXACT = 2**53 - 1
"""Largest integer that RFC 8785 writes; every reader of JSON reads it exactly."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as the database holds it.

    Attributes:
        data: text of a JSON value, as it was stored.
        principal: text of what is known of the actor, as it was stored; None where nothing is.
    """

    id: int
    uid: str
    type: str
    name: str
    version: int | None
    request_id: int | None
    actor: str
    at_ms: int
    data: str
    principal: str | None = None


def entry_of(event: StoredEvent, sequence: int) -> bytes:
    """Return an event's entry: canonical JSON (RFC 8785) of the whole event with its number.

    Data that has no canonical form (an integer beyond 2**53, NaN, a lone surrogate, nesting
    without end) stands in the entry as the text that the database holds, under `data_text`, so
    that no event can keep others out of the log.

    Args:
        event: of the audit trail.
        sequence: its place in the log, from 0.
    """
    fields: dict[str, Any] = {
        "actor": event.actor,
        "at_ms": event.at_ms,
        "id": event.id,
        "name": event.name,
        "principal": _principal(event.principal),
        "request_id": event.request_id,
        "sequence": sequence,
        "type": event.type,
        "uid": event.uid,
        "version": event.version,
    }
    try:
        return _plain(fields, event.data) or canonical_bytes(
            {**fields, "data": json.loads(event.data)}
        )
    except (ValueError, RecursionError):
        return canonical_bytes({**_within_bounds(fields), "data_text": _storable(event.data)})


def _principal(text: str | None) -> object:
    """Return the value of a text, or the text itself where that has no canonical form."""
    if text is None:
        return None
    try:
        value: object = json.loads(text)
        # Else a fraction, say, would be written in two ways.
        return value if canonical_bytes(value) == _encode(value).encode() else _storable(text)
    except (ValueError, RecursionError):
        return _storable(text)


_encode = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")
).encode


class _NotPlainError(Exception):
    """Data that only RFC 8785's own writer writes right. Internal: no person sees this error."""


def _plain(fields: Mapping[str, Any], data: str) -> bytes | None:
    """Return an entry by Python's own writer, which is four times as fast; None if it cannot.

    It writes what RFC 8785 asks for if there are no fractions, no integer beyond 2**53, and no
    key outside ASCII, which RFC 8785 sorts in another way.
    """
    try:
        value = _decode(data)
    except _NotPlainError:
        return None
    numbers = (fields["at_ms"], fields["id"], fields["request_id"] or 0, fields["version"] or 0)
    text = _encode({**fields, "data": value})
    if not text.isascii() or max(numbers) > LARGEST_EXACT or min(numbers) < -LARGEST_EXACT:
        return None
    return text.encode()


def _refuse(text: str) -> float:
    raise _NotPlainError(text)


def _exact_integer(text: str) -> int:
    number = int(text)
    if -LARGEST_EXACT <= number <= LARGEST_EXACT:
        return number
    raise _NotPlainError(text)


_decode = json.JSONDecoder(
    parse_float=_refuse, parse_int=_exact_integer, parse_constant=_refuse
).decode


def _within_bounds(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with numbers that canonical JSON cannot hold as texts."""
    return {
        key: str(value)
        if isinstance(value, int) and abs(value) > LARGEST_EXACT
        else _storable(value)
        if isinstance(value, str)
        else value
        for key, value in fields.items()
    }


def _storable(text: str) -> str:
    """Return a text in which lone surrogates, which UTF-8 cannot hold, are written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def read_entry(entry: bytes) -> dict[str, Any]:
    """Return an entry's fields.

    Raises:
        MalformedError: it is no JSON object.
    """
    try:
        found = json.loads(entry)
    except (ValueError, RecursionError) as err:
        raise MalformedError(f"expected an entry as a JSON object, found {err}") from err
    if not isinstance(found, dict):
        raise MalformedError(f"expected an entry as a JSON object, found {type(found).__name__}")
    return found


def first_misplaced(entries: Iterable[bytes], start: int) -> int | None:
    """Return the first place whose entry says that it stands elsewhere; None if there is none.

    Reads an entry only where a look at its bytes does not tell: a million entries are read so.

    Args:
        entries: of the log, in its order.
        start: place of the first of them.
    """
    for place, entry in enumerate(entries, start):
        if b',"sequence":%d,"type":"' % place not in entry and _sequence(entry) != place:
            return place
    return None


def _sequence(entry: bytes) -> object:
    try:
        return read_entry(entry).get("sequence")
    except MalformedError:
        return None
