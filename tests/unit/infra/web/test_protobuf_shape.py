from __future__ import annotations

import time
from typing import Any

import pytest
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from infra.web.errors import NestingTooDeepError, TooManyValuesError
from infra.web.protobuf_shape import MAX_DEPTH, MAX_FIELDS, check_message

KIND = ExportTraceServiceRequest.DESCRIPTOR
MIB = 1 << 20


def spans(count: int, attributes: int = 0, text: str = "x") -> bytes:
    """Return what an exporter sends."""
    request = ExportTraceServiceRequest()
    found = request.resource_spans.add().scope_spans.add().spans
    for number in range(count):
        span = found.add(trace_id=b"t" * 16, span_id=number.to_bytes(8, "big"), name="s")
        for key in range(attributes):
            span.attributes.add(key=str(key)).value.string_value = text
    return bytes(request.SerializeToString())


def nested(levels: int) -> bytes:
    """Return a value of lists in lists."""
    value = AnyValue()
    inner = value
    for _ in range(levels):
        inner = inner.array_value.values.add()
    return bytes(value.SerializePartialToString())


def in_message(body: bytes) -> bytes:
    """Return a body as the first field of another message."""
    length, head = len(body), b"\x0a"
    while length > 0x7F:
        head += bytes([length & 0x7F | 0x80])
        length >>= 7
    return head + bytes([length]) + body


MANY = {
    "empty messages": b"\x0a\x00" * (8 * MIB),
    "empty messages in a message": in_message(b"\x12\x00" * MIB),
    "numbers": b"\x08\x01" * MIB,
    "fields nobody knows": b"\x7a\x00" * MIB,
    "groups": b"\x0b\x0c" * MIB,
    "messages in groups": b"\x0b" + b"\x0a\x00" * MIB + b"\x0c",
    "tags longer than need be": b"\x8a\x80\x80\x80\x00\x00" * MIB,
    "lengths longer than need be": b"\x0a\x80\x80\x80\x00" * MIB,
    "messages before an error": b"\x0a\x00" * MIB + b"\x0f",
    "spans of little": spans(MAX_FIELDS // 3),
}


@pytest.mark.parametrize("name", MANY)
def test_more_fields_than_an_honest_call_has_are_refused_at_once(name: str) -> None:
    began = time.process_time()
    with pytest.raises(TooManyValuesError, match="at most 100000 fields"):
        check_message(MANY[name], KIND)
    assert time.process_time() - began < 1


def test_the_largest_batch_of_an_exporter_passes_whatever_it_weighs() -> None:
    assert check_message(spans(512, 45, "x" * 700), KIND) == 2 + 512 * (4 + 45 * 4)
    assert check_message(spans(1, 1, "\n\0" * 8 * MIB), KIND) == 10


def test_messages_nest_as_deep_as_the_parser_allows() -> None:
    check_message(nested((MAX_DEPTH - 1) // 2), AnyValue.DESCRIPTOR)
    with pytest.raises(NestingTooDeepError, match="at most 100 levels"):
        check_message(nested(MAX_DEPTH // 2 + 1), AnyValue.DESCRIPTOR)


def messages(message: Any) -> int:
    """Return how many messages the parser has made."""
    found = 0
    for field, value in message.ListFields():
        if field.message_type is not None:
            inner = list(value) if field.is_repeated else [value]
            found += len(inner) + sum(map(messages, inner))
    return found


@given(
    st.integers(0, 3),
    st.integers(0, 3),
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=4)), max_size=3),
)
def test_no_bytes_make_the_parser_find_more_than_the_walk(
    count: int, attributes: int, changes: list[tuple[int, bytes]]
) -> None:
    body = spans(count, attributes)
    for at, what in changes:
        body = body[:at] + what + body[at + len(what) // 2 :]
    parsed = ExportTraceServiceRequest()
    try:
        parsed.ParseFromString(body)
    except DecodeError:
        return
    assert check_message(body, KIND) >= messages(parsed)
