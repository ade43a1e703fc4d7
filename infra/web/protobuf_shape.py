"""Measures a protobuf message's fields and nesting before a parser reads it.

Two bytes are a whole empty message: 16 MiB of them are eight million objects, and gigabytes once
Python looks at each. The walk goes through the bytes in the order of protobuf's own parser, so
that what it has counted when it meets an error is at least what that parser has made by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from infra.web.errors import NestingTooDeepError, TooManyValuesError

MAX_FIELDS = 100_000
"""As many as the values of JSON: 512 spans, the most that OpenTelemetry's exporters send at once,
of 195 fields each, where an attribute is four."""
MAX_DEPTH = 100
"""The depth at which protobuf's own parser gives up."""

_VARINT, _FIXED64, _BYTES, _GROUP, _GROUP_END, _FIXED32 = range(6)
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4, _GROUP: 0, _GROUP_END: 0}
_VARINT_BYTES = 10
_TAG_MASK = (1 << 32) - 1


class Field(Protocol):
    """A field's description, as far as it is needed here."""

    @property
    def message_type(self) -> Kind | None:
        """Return the kind of the field's messages; None if it holds none."""


class Kind(Protocol):
    """A message's description, as far as it is needed here."""

    @property
    def fields_by_number(self) -> Mapping[int, Field]:
        """Return the message's fields by number."""


class _Malformed(Exception):  # noqa: N818
    """The message is malformed here; the parser's own error will be better."""


def check_message(body: bytes, kind: Kind) -> int:
    """Return how many fields a message has, those of its messages among them.

    Takes the time of `MAX_FIELDS` fields at most, 0.1 s, however long the body is.

    Args:
        body: the message; one that is malformed is walked up to the error, which is the parser's.
        kind: says which of its fields are messages themselves.

    Raises:
        TooManyValuesError: there are more than any honest call has.
        NestingTooDeepError: messages nest deeper than `MAX_DEPTH`.
    """
    count = at = 0
    within: list[tuple[int, Kind]] = [(len(body), kind)]
    while within:
        end, message = within[-1]
        if at == end:
            within.pop()
            continue
        count += 1
        if count > MAX_FIELDS:
            raise TooManyValuesError(
                f"expected protobuf with at most {MAX_FIELDS} fields, found more",
                hint="send it in smaller parts; docs/reference/http.md names the limits",
            )
        try:
            number, at, after = _field(body, at, end)
        except _Malformed:
            break
        field = message.fields_by_number.get(number) if after > at else None
        if field is None or field.message_type is None:
            at = after
            continue
        within.append((after, field.message_type))
        if len(within) > MAX_DEPTH:
            raise NestingTooDeepError(
                f"expected protobuf that nests at most {MAX_DEPTH} levels, found more"
            )
    return count


def _field(body: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Return the number of a field, where its value begins if that has a length, and its end.

    A group is read as its two tags: what is between them counts as fields of the message around.
    """
    tag, at = _varint(body, at)
    number, wire = (tag & _TAG_MASK) >> 3, tag & 7
    if wire == _VARINT:
        _, after = _varint(body, at)
        at = after
    elif wire == _BYTES:
        length, at = _varint(body, at)
        after = at + length
    elif wire in _FIXED_BYTES:
        at = after = at + _FIXED_BYTES[wire]
    else:
        raise _Malformed
    if after > end:
        raise _Malformed
    return number, at, after


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and where it ends."""
    value = 0
    for shift, byte in enumerate(body[at : at + _VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, at + shift + 1
    raise _Malformed
