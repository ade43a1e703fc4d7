"""OpenTelemetry's spans as exporters send them, and as nobody does."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.platform import Platform
from tests.support.raw_http import resident_bytes

MIB = 1 << 20
PROTOBUF, JSON = "application/x-protobuf", "application/json"
EMPTY = b"\x0a\x00" * (8 * MIB - 1)
WIDE = b'{"resourceSpans": [' + b"{}," * 200_000 + b"{}]}"


def spans(count: int, attributes: int) -> bytes:
    request = ExportTraceServiceRequest()
    found = request.resource_spans.add().scope_spans.add().spans
    trace = time.time_ns().to_bytes(16, "big")
    for number in range(1, count + 1):
        span = found.add(trace_id=trace, span_id=number.to_bytes(8, "big"), name="s")
        span.start_time_unix_nano = span.end_time_unix_nano = time.time_ns()
        if number > 1:
            span.parent_span_id = (1).to_bytes(8, "big")
        for key in range(attributes):
            span.attributes.add(key=f"key {key}").value.string_value = '[{"deep": [' * 9
    return bytes(request.SerializeToString())


def as_json() -> bytes:
    span = {"traceId": f"{time.time_ns():032x}", "spanId": "01" * 8, "name": "s"}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def send(platform: Platform, body: bytes, *headers: tuple[str, str]) -> httpx.Response:
    return httpx.post(
        f"{platform.url}/v1/traces",
        content=body,
        headers=[("x-mlflow-experiment-id", "0"), *headers],
        timeout=60,
        trust_env=False,
    )


TYPE = "content-type"
ENCODING = "content-encoding"
SENT: dict[str, tuple[bytes, list[tuple[str, str]], int, str]] = {
    "the largest batch": (spans(512, 40), [(TYPE, PROTOBUF)], 200, ""),
    "packed": (gzip.compress(spans(9, 9)), [(TYPE, PROTOBUF), (ENCODING, "gzip")], 200, ""),
    "deflated": (zlib.compress(spans(9, 9)), [(TYPE, PROTOBUF), (ENCODING, "deflate")], 200, ""),
    "JSON": (as_json(), [(TYPE, JSON)], 200, ""),
    "JSON, packed": (gzip.compress(as_json()), [(TYPE, JSON), (ENCODING, "gzip")], 200, ""),
    "empty messages": (EMPTY, [(TYPE, PROTOBUF)], 400, "infra.too_many_values"),
    "empty messages, packed": (
        gzip.compress(EMPTY), [(TYPE, PROTOBUF), (ENCODING, "gzip")], 400, "infra.too_many_values",
    ),
    "empty messages with parameters": (
        EMPTY, [(TYPE, PROTOBUF + "; x=y")], 400, "infra.too_many_values",
    ),
    "much JSON": (WIDE, [(TYPE, JSON)], 400, "infra.too_many_values"),
    "much JSON that begins like protobuf": (
        WIDE, [(TYPE, PROTOBUF + ", " + JSON)], 400, "infra.too_many_values",
    ),
    "much JSON of two types": (
        WIDE, [(TYPE, JSON), (TYPE, PROTOBUF)], 400, "infra.header_repeated",
    ),
    "much JSON, packed": (
        gzip.compress(WIDE), [(TYPE, JSON), (ENCODING, "gzip")], 400, "infra.too_many_values",
    ),
    "a bomb": (
        gzip.compress(b"\0" * (64 * MIB)), [(TYPE, PROTOBUF), (ENCODING, "gzip")],
        413, "infra.body_too_large",
    ),
    "a bomb of two encodings": (
        gzip.compress(b"\0" * (64 * MIB)),
        [(TYPE, PROTOBUF), (ENCODING, "gzip"), (ENCODING, "identity")],
        400, "infra.header_repeated",
    ),
    "a bomb behind zeros": (
        gzip.compress(b"") + b"\0" + gzip.compress(b"\0" * (64 * MIB)),
        [(TYPE, PROTOBUF), (ENCODING, "gzip")],
        400, "infra.body_encoding_invalid",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SENT)
def test_spans_are_taken_or_refused_before_they_are_parsed(
    embedded_platform: Platform, name: str
) -> None:
    body, headers, status, code = SENT[name]
    answer = send(embedded_platform, body, *headers)
    assert answer.status_code == status, answer.text
    if code:
        assert answer.json()["error_code"] == code


def test_millions_of_empty_messages_take_neither_memory_nor_time(
    embedded_platform: Platform,
) -> None:
    pid = embedded_platform.pids()["registry"]
    before = resident_bytes(pid)
    with ThreadPoolExecutor(4) as pool:
        attacks = [
            pool.submit(send, embedded_platform, EMPTY, ("content-type", PROTOBUF))
            for _ in range(4)
        ]
        longest = 0.0
        while not all(attack.done() for attack in attacks):
            began = time.monotonic()
            httpx.get(f"{embedded_platform.url}/health", timeout=60, trust_env=False)
            longest = max(longest, time.monotonic() - began)
    assert [attack.result().status_code for attack in attacks] == [400] * 4
    assert longest < 2
    # The bodies themselves, and copies of one.
    assert resident_bytes(pid) < before + 6 * 16 * MIB + 32 * MIB
