"""Measures how deep a JSON text nests, without recursion and without building its value.

Parsers call themselves once per level: ten thousand brackets are a RecursionError, and a page of
HTML with status 500, where a client's mistake is meant.
"""

from __future__ import annotations

import re
from itertools import accumulate

MAX_DEPTH = 100
"""The depth at which protobuf's own JSON parser, which reads most of MLflow's calls, gives up."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""One that nothing closes goes to the end of the text, where a parser gives up too."""
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_PIECE_BRACKETS = 1 << 16


def is_too_deep(text: bytes) -> bool:
    """Whether arrays and objects nest deeper than `MAX_DEPTH`, closed or not.

    Takes a time that is proportional to the text, whatever is in it.
    """
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", text).translate(None, _NO_BRACKET)
    depth = 0
    for start in range(0, len(brackets), _PIECE_BRACKETS):
        steps = map(_STEP.__getitem__, brackets[start : start + _PIECE_BRACKETS])
        depths = list(accumulate(steps, initial=depth))
        if max(depths) > MAX_DEPTH:
            return True
        depth = depths[-1]
    return False
