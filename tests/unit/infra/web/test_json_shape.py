from __future__ import annotations

import contextlib
import json
import time

import pytest

from infra.web.errors import NestingTooDeepError, TooManyValuesError
from infra.web.json_shape import MAX_DEPTH, MAX_MARKS_IN_TEXTS, MAX_VALUES, check_shape, is_bare

MANY = b"[[]]" * 200
DEEP: dict[str, tuple[bytes, bool]] = {
    "flat": (b'{"a": 1}', False),
    "at the limit": (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, False),
    "one too deep": (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), True),
    "mixed": (b'{"a":[' * 60 + b"1" + b"]}" * 60, True),
    "wide": (b"[" + MANY + b"]", False),
    "deep behind wide": (b"[" + MANY + b"[" * 150 + b"]" * 150 + b"]", True),
    "in a text": (b'["' + b"[{" * 500 + b'"]', False),
    "in a text with escaped quotes": (b'["' + rb"\"[" * 500 + b'"]', False),
    "behind an escaped backslash": (rb'["\\",' + b"[" * 200 + b"]" * 201, True),
    "behind three backslashes": (rb'["\\\"",' + b"[" * 200 + b"]" * 201, True),
    "never closed": (b"[" * 200, True),
    "closed the wrong way": (b"[" * 150 + b"}" * 150, True),
    "in UTF-16": (("[" * 200 + "]" * 200).encode("utf-16-le"), True),
    "in UTF-16 the other way round": (("[" * 200 + "]" * 200).encode("utf-16-be"), True),
    "in UTF-16 behind half a quote": (('["\u0122",' + "[" * 200).encode("utf-16-le"), True),
    "behind a byte order mark": (b"\xef\xbb\xbf" + b"[" * 200, True),
    "in a text that is the whole": (json.dumps("[" * 200).encode(), True),
    "with spaces": (b"[ \n" * 200 + b"] " * 200, True),
    "not JSON": (b"x" + b"[" * 200, False),
}


@pytest.mark.parametrize("name", DEEP)
def test_the_depth_of_a_text_is_known(name: str) -> None:
    text, deep = DEEP[name]
    if deep:
        with pytest.raises(NestingTooDeepError):
            check_shape(text)
    else:
        check_shape(text)


def test_what_a_parser_takes_is_judged_by_its_depth_alone() -> None:
    value: object = "leaf [[["
    for depth in range(1, MAX_DEPTH + 2):
        value = [value, "]" * depth] if depth % 2 else {"a]": value}
        text = json.dumps(value).encode()
        if depth > MAX_DEPTH:
            with pytest.raises(NestingTooDeepError):
                check_shape(text)
        else:
            check_shape(text)


def wide(piece: str, count: int = MAX_VALUES) -> str:
    return '{"metrics": [' + ",".join([piece] * count) + "]}"


LISTS = wide("[]")
TOO_MANY: dict[str, bytes] = {
    "lists": LISTS.encode(),
    "objects": wide("{}").encode(),
    "numbers": wide("0").encode(),
    "texts": wide('""').encode(),
    "many more texts": wide('""', 5 * MAX_VALUES).encode(),
    "texts with quotes": wide(r'"\"\\"').encode(),
    "keys": ("{" + ",".join(f'"{i}":0' for i in range(MAX_VALUES)) + "}").encode(),
    "with spaces": wide(" [ ] ").encode(),
    "broken at its end": LISTS.encode()[:-1] + b"oops",
    "broken by a quote": LISTS.encode()[:-1] + b'"',
    "in UTF-16": LISTS.encode("utf-16-le"),
    "in UTF-16 behind half a quote": LISTS.replace("metrics", "\u0122").encode("utf-16-be"),
    "in UTF-32 with a mark": LISTS.encode("utf-32"),
    "behind a byte order mark": b"\xef\xbb\xbf" + LISTS.encode(),
    "behind spaces": b" \r\n\t" * 100 + LISTS.encode(),
    "in a text that is the whole": json.dumps(LISTS).encode(),
    "in a text, written with escapes": b'"' + b"\\u005b" * MAX_VALUES + b'"',
    "in a text that a handler parses": json.dumps(
        {"model_json": "[" * (MAX_MARKS_IN_TEXTS + 1)}
    ).encode(),
    "in a text that a handler parses, escaped": b'{"model_json": "['
    + rb"0\u002C" * (MAX_MARKS_IN_TEXTS + 1)
    + b'"}',
}


@pytest.mark.parametrize("name", TOO_MANY)
def test_more_values_than_any_honest_call_has_are_refused(name: str) -> None:
    with pytest.raises(TooManyValuesError) as caught:
        check_shape(TOO_MANY[name])
    assert "expected" in caught.value.message
    assert "found" in caught.value.message
    assert caught.value.hint


METRIC = {
    "key": "a, [b]", "value": 0.5, "timestamp": 1, "step": 1, "model_id": "m", "dataset_name": "d",
    "dataset_digest": "e", "run_id": "r",
}  # fmt: skip
TAG = {"key": "k", "value": 'v, "w" \\'}
DATASET = {"tags": [TAG] * 3, "dataset": dict.fromkeys("abcde", "[1, 2]" * 20)}
SPAN_ATTRIBUTE = {"key": "k", "value": {"stringValue": "a, b"}}
HONEST: dict[str, object] = {
    "MLflow's largest batch": {
        "run_id": "r", "metrics": [METRIC] * 1000, "params": [TAG] * 100, "tags": [TAG] * 100,
    },
    "a thousand data sets": {"run_id": "r", "datasets": [DATASET] * 1000},
    "512 spans": {"spans": [{**METRIC, "attributes": [SPAN_ATTRIBUTE] * 30}] * 512},
    "a text of 15 MB": {"run_id": "r", "profile": "some words, and some more. " * 560_000},
    "a text of quotes": {"run_id": "r", "model_json": '{"a": "b"}' * 100_000},
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_the_largest_honest_bodies_pass(name: str) -> None:
    assert check_shape(json.dumps(HONEST[name]).encode()) < MAX_VALUES


def test_values_are_counted() -> None:
    assert check_shape(b'{"a": [1, "2, 3", {}]}') == 5
    assert check_shape(b"") == check_shape(b"\x00") == check_shape(b"no JSON") == 0
    assert check_shape(b'"no JSON') == check_shape(b"\xff\xfe\x00") == 0


@pytest.mark.parametrize(
    "piece", [b'"', b'\\"', b"[", b"]", b"[]", b'["', b'"a",', b"{}{", b"][", b'"\\', b"\\", b"a"]
)
def test_no_text_takes_long(piece: bytes) -> None:
    text = b"[]" * 200 + piece * ((16 << 20) // len(piece))
    began = time.process_time()
    with contextlib.suppress(TooManyValuesError, NestingTooDeepError):
        check_shape(text)
    assert time.process_time() - began < 3


BARE = {
    b"1": True,
    b" -1.5e3 \n": True,
    b"null": True,
    b"true": True,
    b"-Infinity": True,
    b"[]": True,
    b"[{": True,
    b'"a"': True,
    b'"[]"': True,
    b'"null"': True,
    "[]".encode("utf-16-le"): True,
    b"\xef\xbb\xbf[]": True,
    b"": False,
    b"{}": False,
    b"\n{": False,
    b'"{}"': False,
    b'" {\\"a\\": 1}"': False,
    b"a=1": False,
    b"--boundary": False,
    b'"never closed': False,
}


@pytest.mark.parametrize("text", BARE)
def test_json_that_is_no_object_is_known(text: bytes) -> None:
    assert is_bare(text) is BARE[text]
