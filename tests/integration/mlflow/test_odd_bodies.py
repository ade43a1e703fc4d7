"""Every route of MLflow's server, asked what no client of MLflow asks."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest

from tests.support.mlflow_routes import bodies, queries, routes
from tests.support.platform import Platform

BARE = (b"1", b'"a"', b"[]", b"null", b'"[]"', b"NaN")
AT_A_TIME = 4


@pytest.fixture
def client(embedded_platform: Platform) -> Iterator[httpx.Client]:
    # A connection for each request: some answers to a body nobody reads close theirs.
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(
        base_url=embedded_platform.url, timeout=60, trust_env=False, limits=limits
    ) as found:
        yield found


def failed(answer: httpx.Response) -> bool:
    return answer.status_code >= 500 and answer.status_code != httpx.codes.NOT_IMPLEMENTED


@dataclass(frozen=True)
class Asked:
    """A request to make."""

    method: str
    path: str
    content: bytes | None = None
    json: object = None
    params: Mapping[str, str | int] | None = None
    headers: Mapping[str, str] | None = None


def answers(client: httpx.Client, asked: Iterable[Asked]) -> list[tuple[Asked, httpx.Response]]:
    """Make the requests, a few at a time: the server is not idle while an answer is read."""

    def ask(each: Asked) -> tuple[Asked, httpx.Response]:
        return each, client.request(
            each.method, each.path, content=each.content, json=each.json, params=each.params,
            headers=each.headers,
        )  # fmt: skip

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(ask, asked))


def failures(client: httpx.Client, asked: Iterable[Asked]) -> list[tuple[Asked, int]]:
    """Return the requests at which the server failed, and with which status."""
    found = answers(client, asked)
    return [(each, answer.status_code) for each, answer in found if failed(answer)]


def test_no_route_fails_at_json_that_is_no_object(client: httpx.Client) -> None:
    headers = {"content-type": "application/json", "x-mlflow-experiment-id": "0"}
    asked = [(method, path) for method, path in routes() if method not in {"GET", "HEAD"}]
    assert len(asked) > 200
    requests = [
        Asked(method, path, content=body, headers=headers)
        for method, path in asked
        for body in BARE
    ]
    assert failures(client, requests) == []


GRAPHQL: dict[str, bytes] = {
    "no body": b"",
    "nothing": b"null",
    "no query": b"{}",
    "a query that is no text": b'{"query": 1}',
    "a query that is no GraphQL": b'{"query": "{"}',
    "variables that are none": b'{"query": "{__typename}", "variables": 1}',
    "a name that is none": b'{"query": "{__typename}", "operationName": [1]}',
}


@pytest.mark.parametrize("name", GRAPHQL)
def test_graphql_without_a_query_is_the_clients_mistake(client: httpx.Client, name: str) -> None:
    answer = client.post(
        "/graphql", content=GRAPHQL[name], headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400, answer.text
    assert answer.json()["error_code"] in {"INVALID_PARAMETER_VALUE", "registry.not_an_object"}


def test_graphql_with_a_query_is_answered(client: httpx.Client) -> None:
    query = {"query": "{mlflowSearchRuns(input: {experimentIds: []}) {runs {info {runId}}}}"}
    assert client.post("/graphql", json=query).json()["errors"] is None


SPANS = (
    b'{"resourceSpans": 1}',
    b'{"resourceSpans": [1]}',
    b'{"resourceSpans": [{"scopeSpans": 1}]}',
)


@pytest.mark.parametrize("body", SPANS)
def test_spans_of_another_form_are_the_clients_mistake(client: httpx.Client, body: bytes) -> None:
    headers = {"content-type": "application/json", "x-mlflow-experiment-id": "0"}
    assert client.post("/v1/traces", content=body, headers=headers).status_code == 400


def packed(text: bytes) -> str:
    return base64.b64encode(text).decode()


TOKENS = (
    "é",
    packed(b"[]"),
    packed(b'{"offset": 1e30}'),
    packed(b'{"offset": -1}'),
    packed(b'{"experiment_ids": ["0"], "offset": "x"}'),
    packed(b"9" * 30 + b":2"),
)


def test_no_route_fails_at_a_token_that_is_none(client: httpx.Client) -> None:
    given: dict[str, str | int] = {"experiment_id": "0", "max_results": 5}
    # Other tests need the experiment.
    kept = ("/experiments/delete", "/experiments/restore")
    asked = [(m, p) for m, p in routes() if "/demo/" not in p and not p.endswith(kept)]
    requests = []
    for token in TOKENS:
        query = {**given, "experiment_ids": "0", "page_token": token}
        body = {**given, "experiment_ids": ["0"], "page_token": token}
        for method, path in asked:
            if method == "GET":
                requests.append(Asked(method, path, params=query))
            elif method == "POST":
                requests.append(Asked(method, path, json=body))
    found = answers(client, requests)
    assert [(each, answer.status_code) for each, answer in found if failed(answer)] == []
    refused = {each.path for each, answer in found if "expected a page token" in answer.text}
    assert len(refused) > 10


NO_FIELDS = (b"", b"not JSON", b"{}", b'"{}"', b'"{"')


def test_no_route_fails_at_a_body_without_fields(client: httpx.Client) -> None:
    asked = [(method, path) for method, path in routes() if method not in {"GET", "HEAD"}]
    headers = {"content-type": "application/json", "x-mlflow-experiment-id": "0"}
    requests = [
        Asked(method, path, content=body, headers=headers)
        for method, path in asked
        if "/demo/" not in path
        for body in NO_FIELDS
    ]
    assert failures(client, requests) == []


WRONG: tuple[object, ...] = (
    1, "x", [], {}, None, [1], True, 2**70, 1e999, -1e999, "//[x", "s3://[x/?..", "a\0b",
)  # fmt: skip
GATEWAY = {"model": "1", "messages": [{}], "input": "1", "stream": False}


def test_no_route_fails_at_a_field_of_another_type(client: httpx.Client) -> None:
    asked = [(*each, given) for each, given in bodies().items()]
    assert len(asked) > 100
    asked += [("POST", path, GATEWAY) for _, path in routes() if path.startswith("/gateway/")]
    requests = []
    for method, path, given in asked:
        # One value for all fields, and each field wrong while the others are right.
        odd = [dict.fromkeys(given, value) for value in WRONG]
        odd += [{**given, name: value} for name in given for value in ([1], None)]
        requests += [
            Asked(method, path, content=json.dumps(body).encode(), headers=JSON) for body in odd
        ]
    assert failures(client, requests) == []


JSON = {"content-type": "application/json"}
UNSTORABLE = ("a\0b", "\ud800")


def test_postgresql_fails_at_no_text_that_it_cannot_hold(server_platform: Platform) -> None:
    requests = []
    for (method, path), given in bodies().items():
        for text in UNSTORABLE:
            odd = [dict.fromkeys(given, text), *({**given, name: text} for name in given)]
            requests += [
                Asked(method, path, content=json.dumps(body).encode(), headers=JSON) for body in odd
            ]
    for path, given in queries().items():
        requests.append(Asked("GET", path, params=dict.fromkeys(given, "a\0b")))
        requests.append(Asked("GET", path.replace("/1", "/a%00b"), params=given))
    with httpx.Client(base_url=server_platform.url, timeout=60, trust_env=False) as client:
        assert failures(client, requests) == []


ODD_PATHS = ("%5B", "//%5Bx", "s3://%5Bx/y", "a%3F..", "%252e%252e", "%00", "%ED%A0%80")


def test_no_route_fails_at_an_odd_name_of_a_file(client: httpx.Client) -> None:
    folder = "/api/2.0/mlflow-artifacts/artifacts"
    requests = [Asked("GET", f"{folder}/{path}") for path in ODD_PATHS]
    requests += [Asked("GET", f"{folder}?path={path}") for path in ODD_PATHS]
    requests += [Asked("PUT", f"{folder}/{path}", content=b"x") for path in ODD_PATHS]
    requests += [Asked("DELETE", f"{folder}/{path}") for path in ODD_PATHS]
    assert failures(client, requests) == []


NAMELESS_TRACE: dict[str, object] = {
    "trace": {
        "trace_info": {
            "trace_id": "tr-a\0b",
            "trace_location": {
                "type": "MLFLOW_EXPERIMENT",
                "mlflow_experiment": {"experiment_id": "0"},
            },
            "request_time": "2026-01-01T00:00:00Z",
            "state": "OK",
        }
    }
}
UNCHECKED: dict[str, tuple[str, dict[str, object]]] = {
    "no experiment": ("/api/2.0/mlflow/traces", {}),
    "an experiment that is no number": ("/api/2.0/mlflow/traces", {"experiment_id": "x"}),
    "a trace without an experiment": ("/api/3.0/mlflow/traces", {"trace": {"trace_info": {}}}),
    "a trace whose id names no folder": ("/api/3.0/mlflow/traces", NAMELESS_TRACE),
    "tags that are no object": ("/api/3.0/mlflow/datasets/create", {"name": "a", "tags": "1"}),
    "records that are no list": ("/api/3.0/mlflow/datasets/1/records", {"records": "1"}),
    "records that are no objects": ("/api/3.0/mlflow/datasets/1/records", {"records": "[1]"}),
    "a scorer that is none": (
        "/api/3.0/mlflow/scorers/register",
        {"experiment_id": "0", "name": "a", "serialized_scorer": "1"},
    ),
    "a kind of view that is no Unicode": (
        "/api/2.0/mlflow/experiments/search",
        {"view_type": "\ud800"},
    ),
    "features that are no list": ("/ajax-api/3.0/mlflow/demo/generate", {"features": 1}),
}


@pytest.mark.parametrize("name", UNCHECKED)
def test_what_mlflow_leaves_unchecked_is_the_clients_mistake(
    client: httpx.Client, name: str
) -> None:
    path, body = UNCHECKED[name]
    headers = {"content-type": "application/json"}
    answer = client.post(path, content=json.dumps(body), headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "expected" in answer.json()["message"]


def test_json_in_a_json_string_is_read_on_every_route(client: httpx.Client) -> None:
    body = json.dumps(json.dumps({"run_id": "none"}))
    headers = {"content-type": "application/json"}
    answer = client.post("/api/2.0/mlflow/runs/log-batch", content=body, headers=headers)
    assert answer.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST", answer.text


def test_an_upload_to_the_name_of_a_folder_or_below_a_file_is_refused(
    client: httpx.Client,
) -> None:
    base = "/api/2.0/mlflow-artifacts/artifacts/odd-places"
    assert client.put(f"{base}/folder/file", content=b"1").is_success
    for place in ("folder", "folder/file/below", "folder/file/below/further"):
        answer = client.put(f"{base}/{place}", content=b"2")
        assert answer.status_code == httpx.codes.BAD_REQUEST, (place, answer.text)
        assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert client.get(f"{base}/folder/file").content == b"1"


PROMPT_LAB = (
    {"user_id": None}, {"user_id": 1}, {"start_time": None}, {"start_time": "x"},
    {"start_time": 1e308}, {"start_time": 2**64}, {"start_time": True}, {"tags": [{"a": 1}]},
    {"tags": "x"}, {"tags": [{"key": "a", "value": "b"}]}, {"run_name": {"a": 1}},
)  # fmt: skip


@pytest.mark.parametrize("fields", PROMPT_LAB, ids=str)
def test_a_prompt_lab_run_of_another_form_is_the_clients_mistake(
    client: httpx.Client, fields: dict[str, object]
) -> None:
    run = {
        "experiment_id": "0", "prompt_template": "a {{b}}", "model_route": "m",
        "prompt_parameters": [{"key": "b", "value": "c"}], "model_input": "q",
        "mlflow_version": "3.0",
    }  # fmt: skip
    route = "/ajax-api/2.0/mlflow/runs/create-promptlab-run"
    answer = client.post(route, json={**run, **fields})
    assert answer.status_code == 400, answer.text
    (name,) = fields
    assert f"expected {name} " in answer.json()["message"]
    assert ", found " in answer.json()["message"]
