"""Measures how deep a JSON text nests, without recursion and without building its value.

Parsers call themselves once per level: ten thousand brackets are a RecursionError, and a page of
HTML with status 500, where a client's mistake is meant.
"""

from __future__ import annotations

import re

MAX_DEPTH = 100
"""The depth at which protobuf's own JSON parser, which reads most of MLflow's calls, gives up."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))


def is_too_deep(text: bytes) -> bool:
    """Whether arrays and objects nest deeper than `MAX_DEPTH`.

    Brackets that nothing closes count as levels: no parser takes such a text either.
    """
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", text).translate(None, _NO_BRACKET)
    for _ in range(MAX_DEPTH):
        # One level per round, in C: what holds nothing goes.
        peeled = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(peeled) == len(brackets):
            break
        brackets = peeled
    return bool(brackets)
