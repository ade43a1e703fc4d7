"""No client names the place of a trace's files, which the server reads and deletes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.platform import Platform


@pytest.fixture
def http(platform: Platform) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=platform.url, trust_env=False, timeout=60) as client:
        yield client


RESERVED = (
    "mlflow.trace.spansLocation",
    "mlflow.trace.archiveLocation",
    "mlflow.trace.archivalFailure",
    "mlflow.artifactLocation",
)


def new_trace(http: httpx.Client, tags: dict[str, str]) -> httpx.Response:
    info: dict[str, Any] = {
        "trace_id": f"tr-{secrets.token_hex(16)}",
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"},
        },
        "request_time": "2026-01-01T00:00:00Z", "state": "OK", "tags": tags,
    }  # fmt: skip
    return http.post("/api/3.0/mlflow/traces", json={"trace": {"trace_info": info}})


def pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def old_trace(http: httpx.Client, tags: dict[str, str]) -> httpx.Response:
    body = {"experiment_id": "0", "timestamp_ms": 1, "request_metadata": [], "tags": pairs(tags)}
    return http.post("/api/2.0/mlflow/traces", json=body)


def ended_trace(http: httpx.Client, tags: dict[str, str]) -> httpx.Response:
    begun = old_trace(http, {}).json()["trace_info"]["request_id"]
    body = {"timestamp_ms": 2, "status": "OK", "request_metadata": [], "tags": pairs(tags)}
    return http.patch(f"/api/2.0/mlflow/traces/{begun}", json=body)


def spans(http: httpx.Client, tags: dict[str, str]) -> httpx.Response:
    span = {
        "traceId": secrets.token_hex(16), "spanId": secrets.token_hex(8), "name": "s",
        "startTimeUnixNano": "1", "endTimeUnixNano": "2",
        "attributes": [
            {"key": f"mlflow.traceTag.{key}", "value": {"stringValue": value}}
            for key, value in tags.items()
        ],
    }  # fmt: skip
    return http.post(
        "/v1/traces",
        json={"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]},
        headers={"x-mlflow-experiment-id": "0"},
    )


def tagged_v2(http: httpx.Client, tags: dict[str, str]) -> httpx.Response:
    begun = old_trace(http, {}).json()["trace_info"]["request_id"]
    return http.patch(f"/api/2.0/mlflow/traces/{begun}/tags", json=pairs(tags)[0])


def tagged_v3(http: httpx.Client, tags: dict[str, str]) -> httpx.Response:
    made = new_trace(http, {}).json()["trace"]["trace_info"]["trace_id"]
    return http.patch(f"/api/3.0/mlflow/traces/{made}/tags", json=pairs(tags)[0])


DOORS = (new_trace, old_trace, ended_trace, spans, tagged_v2, tagged_v3)


@pytest.mark.parametrize("door", DOORS)
def test_no_door_takes_a_tag_that_says_where_a_traces_files_are(
    http: httpx.Client, tmp_path: Path, door: Any
) -> None:
    assert door(http, {"team": "red"}).status_code == 200
    for key in RESERVED:
        answer = door(http, {key: tmp_path.as_uri()})
        assert (answer.status_code, answer.json()["error_code"]) == (
            400,
            "INVALID_PARAMETER_VALUE",
        ), (key, answer.text)
        assert key in answer.json()["message"]


def test_deleting_traces_deletes_nobodys_files(http: httpx.Client, tmp_path: Path) -> None:
    mine = tmp_path / "traces.pb"
    mine.write_bytes(b"not a trace's")
    tags = {
        "mlflow.trace.spansLocation": "ARCHIVE_REPO",
        "mlflow.trace.archiveLocation": tmp_path.as_uri(),
    }
    new_trace(http, tags)
    old_trace(http, tags)
    ended_trace(http, tags)
    spans(http, tags)
    answer = http.post(
        "/api/2.0/mlflow/traces/delete-traces",
        json={"experiment_id": "0", "max_timestamp_millis": 2**53, "max_traces": 1000},
    )
    assert answer.status_code == 200, answer.text
    assert mine.exists()
