from __future__ import annotations

import json
import time

import pytest

from infra.web.nesting import MAX_DEPTH, is_too_deep

MANY = b"[[]]" * 200
TEXTS: dict[str, tuple[bytes, bool]] = {
    "flat": (b'{"a": 1}', False),
    "at the limit": (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, False),
    "one too deep": (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), True),
    "mixed": (b'{"a":[' * 60 + b"1" + b"]}" * 60, True),
    "wide": (b"[" + MANY + b"]", False),
    "deep behind wide": (b"[" + MANY + b"[" * 150 + b"]" * 150 + b"]", True),
    "in a text": (b'["' + b"[{" * 500 + b'"]', False),
    "in a text with escaped quotes": (b'["' + rb"\"[" * 500 + b'"]', False),
    "behind an escaped backslash": (rb'["\\",' + b"[" * 200 + b"]" * 201, True),
    "never closed": (b"[" * 200, True),
    "closed the wrong way": (b"[" * 150 + b"}" * 150, True),
    "in UTF-16": (("[" * 200 + "]" * 200).encode("utf-16-le"), True),
    "with spaces": (b"[ \n" * 200 + b"] " * 200, True),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_depth_of_a_text_is_known(name: str) -> None:
    text, deep = TEXTS[name]
    assert is_too_deep(text) is deep


def test_what_a_parser_takes_is_judged_by_its_depth_alone() -> None:
    value: object = "leaf [[["
    for depth in range(1, MAX_DEPTH + 2):
        value = [value, "]" * depth] if depth % 2 else {"a]": value}
        text = json.dumps(value).encode()
        assert is_too_deep(text) is (depth > MAX_DEPTH)


@pytest.mark.parametrize(
    "piece", [b'"', b'\\"', b"[", b"]", b"[]", b'["', b'"a",', b"{}{", b"][", b'"\\']
)
def test_no_text_takes_long(piece: bytes) -> None:
    text = b"[]" * 200 + piece * ((4 << 20) // len(piece))
    began = time.monotonic()
    is_too_deep(text)
    assert time.monotonic() - began < 5
