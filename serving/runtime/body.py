"""Parses a request's body as strict JSON.

Whatever two readers could understand differently is refused: a key that comes twice, infinity,
half of a surrogate pair, another encoding. NaN is taken for a missing number, as MLflow does.
"""

from __future__ import annotations

import gc
import json
import math
import re
from collections.abc import Iterable

from serving.runtime.problem import bad_request

MAX_DEPTH = 64
"""Lists and objects inside each other, in a value whose type nothing declares: numpy's limit."""
MAX_MARKS = 2_500_000
"""Commas and opening brackets of a body, those in its texts too. A million numbers have up to two
million, in rows of one; parsing as many takes up to a second and 200 MB, whatever they are."""
TURN_BYTES = 1 << 20
"""Larger bodies are answered one at a time: the lists that they become take many times their
bytes. Small predictions are answered in between."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")
"""What may be half of a surrogate pair, or a whole one."""


def parse_json(body: bytes, *, large: bool = False) -> object:
    """Parse a body.

    Args:
        body: as it came.
        large: let other threads run meanwhile, and the garbage collector rest.

    Raises:
        ProblemError: 400, it is not JSON, or JSON that readers understand differently, or it has
            more values than MAX_MARKS allows.
    """
    if not body:
        raise bad_request("expected a JSON body, found none")
    # Bytes are no measure: 55 MiB of `[],` would be 19 million lists.
    marks = sum(body.count(mark) for mark in (b",", b"[", b"{"))
    if marks > MAX_MARKS:
        raise bad_request(
            f"expected at most {MAX_MARKS} commas and opening brackets, found {marks}; send the "
            "rows in several requests"
        )
    try:
        text = body.removeprefix(_BYTE_ORDER_MARK).decode()
        parsed = _parsed_beside_others(text) if large else _DECODER.decode(text)
        if HALF_PAIR.search(body):
            json.dumps(parsed, ensure_ascii=False).encode()
    except UnicodeDecodeError as err:
        raise bad_request(f"expected JSON in UTF-8, found other bytes at {err.start}") from None
    except UnicodeEncodeError:
        raise bad_request(
            "expected text, found half of a surrogate pair (\\ud800..\\udfff)"
        ) from None
    except RecursionError:
        raise bad_request("expected a table, found too many lists inside each other") from None
    except ValueError as err:
        raise bad_request(f"expected JSON, found {body[:60]!r}: {err}") from None
    return parsed


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise bad_request(f"expected every key of an object once, found {twice[:60]!r} twice")
    return found


def _constant(text: str) -> float:
    if text == "NaN":
        return math.nan
    raise bad_request(f"expected a finite number, NaN or null, found {text}")


def _float(text: str) -> float:
    return float(text)


def _int(text: str) -> int:
    return int(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant)
# Python lets other threads run only between calls of functions of its own.
_GIVING_WAY = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_constant, parse_float=_float, parse_int=_int
)


def _parsed_beside_others(text: str) -> object:
    # The collector would look through all lists again and again while they are made, which takes
    # up to 30 times as long as parsing does. There are no circles in JSON.
    gc.disable()
    try:
        return _GIVING_WAY.decode(text)
    finally:
        gc.enable()


def check_untyped(value: object, label: str, *, nan: bool = True, depth: int = 0) -> None:
    """Check a value whose type nothing declares; it is passed on unchanged.

    Args:
        value: as parsed.
        label: its place, for the message.
        nan: whether NaN stands for a missing number here.
        depth: lists and objects around it.

    Raises:
        ProblemError: 400, a number in it is infinite (1e400 is, for every JSON reader), or it is
            deeper than MAX_DEPTH.
    """
    if depth > MAX_DEPTH:
        raise bad_request(
            f"{label[:60]}...: expected at most {MAX_DEPTH} lists and objects inside each other"
        )
    items: Iterable[tuple[object, object]] = ()
    if isinstance(value, float):
        if math.isinf(value) or (value != value and not nan):
            raise bad_request(f"{label}: expected a finite number, found {value}")
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    elif isinstance(value, dict):
        items = value.items()
    for name, item in items:
        if isinstance(item, float | list | dict):
            check_untyped(item, f"{label}[{str(name)[:60]!r}]", nan=nan, depth=depth + 1)
