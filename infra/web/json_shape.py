"""Measures how many values a JSON text has and how deep it nests, without building them.

Bytes are no measure of what a parser needs: 16 MiB of `[],` are five million lists, gigabytes and
a minute in the server. And parsers call themselves once per level: ten thousand brackets are a
RecursionError, and a page of HTML with status 500, where a client's mistake is meant.
"""

from __future__ import annotations

import json
import re
from itertools import accumulate

from infra.web.errors import NestingTooDeepError, TooManyValuesError

MAX_VALUES = 100_000
"""Ten times what MLflow's own largest calls have: 1,000 metrics of eight fields each, 1,000 data
sets with their tags, 512 spans of OpenTelemetry."""
MAX_MARKS_IN_TEXTS = 1_000_000
"""Most commas and brackets, in texts too: some are JSON themselves, which a handler parses."""
MAX_DEPTH = 100
"""The depth at which protobuf's own JSON parser, which reads most of MLflow's calls, gives up."""

_STARTS = (b"{", b"[", b'"')
_OPENING = (b",", b"[", b"{")
_ESCAPED = (rb"\u002c", rb"\u002C", rb"\u005b", rb"\u005B", rb"\u007b", rb"\u007B")
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_QUOTES_PER_VALUE = 4
"""A text, and the key it stands under."""
_SCALAR = re.compile(rb"-?\d[\d.eE+-]*|true|false|null|NaN|-?Infinity")
_HINT = "send it in smaller parts, or as a file; docs/reference/http.md names the limits"


def check_shape(text: bytes) -> int:
    """Return an upper bound of the values in a JSON text; 0 if no parser accepts the text.

    Takes a time that is proportional to the text, whatever is in it: 0.1 s for 16 MiB.

    Args:
        text: as it came in, in any encoding that `json.loads` recognises.

    Raises:
        TooManyValuesError: there are more than any honest call has.
        NestingTooDeepError: arrays and objects nest deeper than `MAX_DEPTH`, closed or not.
    """
    text = _utf8(text).lstrip()
    outside = _checked(text)
    if not text.startswith(b'"'):
        return _marks(outside)
    # Old clients post JSON within a JSON string, and MLflow still takes it.
    try:
        inner = json.loads(text)
    except ValueError:
        return 0
    return _marks(_checked(inner.encode("utf-8", "surrogatepass").lstrip()))


def is_bare(text: bytes) -> bool:
    """Whether a text is JSON that is neither an object nor a string with an object in it.

    An array counts however it ends. What no parser takes for JSON is not bare.
    """
    text = _utf8(text).strip()
    if not text.startswith(b'"'):
        return text.startswith(b"[") or bool(_SCALAR.fullmatch(text))
    try:
        inner = json.loads(text)
    except ValueError:
        return False
    return not inner.lstrip().startswith("{")


def _checked(text: bytes) -> bytes:
    """Return a JSON text without the content of its strings; empty for any other text."""
    if not text.startswith(_STARTS):
        return b""
    if _marks(text, _OPENING + _ESCAPED) > MAX_MARKS_IN_TEXTS:
        raise TooManyValuesError(
            f"expected JSON with at most {MAX_MARKS_IN_TEXTS} commas and brackets, those in its "
            "texts among them, found more",
            hint=_HINT,
        )
    # What is escaped ends no string. Pairs of backslashes first: a quote after one is a quote.
    plain = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    if plain.count(b'"') > _QUOTES_PER_VALUE * MAX_VALUES:
        raise _too_many()
    outside = b"".join(plain.split(b'"')[::2])
    if _marks(outside) >= MAX_VALUES:
        raise _too_many()
    if _is_too_deep(outside):
        raise NestingTooDeepError(
            f"expected JSON that nests at most {MAX_DEPTH} levels, found more"
        )
    return outside


def _utf8(text: bytes) -> bytes:
    """Return a text as Python's JSON parser reads it, which guesses its encoding."""
    encoding = json.detect_encoding(text)
    if encoding == "utf-8":
        return text
    try:
        return text.decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return b""  # for the parser too


def _marks(text: bytes, marks: tuple[bytes, ...] = _OPENING) -> int:
    return sum(text.count(mark) for mark in marks)


def _too_many() -> TooManyValuesError:
    return TooManyValuesError(
        f"expected JSON with at most {MAX_VALUES} values, found more", hint=_HINT
    )


def _is_too_deep(outside: bytes) -> bool:
    steps = map(_STEP.__getitem__, outside.translate(None, _NO_BRACKET))
    return max(accumulate(steps, initial=0)) > MAX_DEPTH
