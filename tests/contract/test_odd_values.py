"""What is no mistake of the server's is no 500, and no answer shows what the database was asked."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.support.credit import unique
from tests.support.mlflow_routes import bodies, queries
from tests.support.platform import Platform

BEYOND = 10**20
"""More than 64 bits."""
LONG = "9" * 5000
"""More digits than Python reads."""
QUERIED = (str(BEYOND), '["0"]')
DATABASES_WORDS = re.compile(
    r"\[SQL|sqlite3\.|psycopg2|sqlalche|\[parameters|INSERT INTO|SELECT |UPDATE \w+ SET|DETAIL:"
)
Asked = tuple[str, str, dict[str, Any]]
"""A method, a path, and what httpx sends."""
JSON = {"content-type": "application/json"}


@pytest.fixture
def client(platform: Platform) -> Iterator[httpx.Client]:
    # A connection for each request: some answers to a body nobody reads close theirs.
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=platform.url, timeout=60, trust_env=False, limits=limits) as found:
        yield found


def problem(answer: httpx.Response) -> str | None:
    """Return what no answer may be."""
    if answer.status_code >= 500 and answer.status_code != httpx.codes.NOT_IMPLEMENTED:
        return f"{answer.status_code}: {answer.text[:200]}"
    if found := DATABASES_WORDS.search(answer.text):
        return f"{found.group()} in {answer.text[:200]}"
    if answer.is_error and answer.text and "json" not in answer.headers["content-type"]:
        return f"no JSON: {answer.text[:200]}"
    return None


def numbered(value: Any) -> Any:
    """Return a value with every number and name in it beyond what a database holds."""
    match value:
        case dict():
            return {key: numbered(inner) for key, inner in value.items()}
        case list():
            return [numbered(inner) for inner in value]
        case str():
            return str(BEYOND)
    return BEYOND


def beyond(given: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a body with one field after the other beyond, and with all of them."""
    yield numbered(dict(given))
    for name, value in given.items():
        if value == 1 or name.endswith(("id", "ids")) or isinstance(value, list | dict):
            yield {**given, name: numbered(value)}


def problems(client: httpx.Client, asked: Iterable[Asked]) -> list[tuple[str, str, str, str]]:
    """Ask several at once, which takes half the time; return what went wrong."""

    def ask(asking: Asked) -> tuple[str, str, str, str] | None:
        method, path, given = asking
        wrong = problem(client.request(method, path, **given))
        return (method, path, str(given)[:90], wrong) if wrong else None

    with ThreadPoolExecutor(4) as pool:
        return [found for found in pool.map(ask, asked) if found]


def test_no_route_fails_at_a_number_that_no_database_holds(client: httpx.Client) -> None:
    asked: list[Asked] = [
        (method, path, {"json": body})
        for (method, path), given in bodies().items()
        for body in ({}, *beyond(given))
    ]
    assert len(asked) > 300
    assert problems(client, asked) == []


COMPLEX: dict[str, tuple[str, dict[str, Any]]] = {
    "a long pattern": ("experiments/search", {"filter": f"name LIKE '{'a' * 60_000}'"}),
    "many terms": (
        "experiments/search", {"filter": " AND ".join(["name != 'x'"] * 1_100)},
    ),
    "many tags": (
        "runs/search", {"filter": " AND ".join(f"tags.a{n} = 'x'" for n in range(80))},
    ),
    "many orders": ("runs/search", {"order_by": [f"tags.a{n} DESC" for n in range(70)]}),
    "many assessments": (
        "traces/search", {"filter": " AND ".join(f"feedback.a{n} = 'x'" for n in range(250))},
    ),
    "a pattern that takes ages": ("traces/search", {"filter": "tags.a RLIKE '^(a|a)*$'"}),
    "a pattern that refers back": ("traces/search", {"filter": r"tags.a RLIKE '(a)\1'"}),
    "an order twice": ("runs/search", {"order_by": ["start_time", "start_time"]}),
}  # fmt: skip
EXPECTED = re.compile(
    "too long or too complex|expected (a filter|an order) of at most|duplicate fields|RE2"
)


@pytest.mark.parametrize("name", COMPLEX)
def test_a_search_too_complex_for_the_database_is_no_outage(
    client: httpx.Client, name: str
) -> None:
    path, body = COMPLEX[name]
    asked = {"experiment_ids": ["0"], "max_results": 5, **body}
    if path.startswith("traces"):
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
        asked = {"locations": [place], **body}
    version = "3.0" if path.startswith("traces") else "2.0"
    answer = client.post(f"/api/{version}/mlflow/{path}", json=asked)
    assert problem(answer) is None
    assert answer.status_code in {200, 400}
    assert answer.is_success or EXPECTED.search(answer.text)


PLACES = ("s3://x/y", "..../x", "....//x", "a/s3://x", "a//b", "a/....//b", "file:x", "http://x")


@pytest.mark.parametrize("place", PLACES)
def test_an_odd_name_of_an_artifact_is_no_fault_of_the_servers(
    client: httpx.Client, place: str
) -> None:
    run = client.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}).json()
    uploaded = {"run_uuid": run["run"]["info"]["run_id"], "path": place}
    for answer in (
        client.put(f"/api/2.0/mlflow-artifacts/artifacts/odd/{place}", content=b"x"),
        client.post("/ajax-api/2.0/mlflow/upload-artifact", params=uploaded, content=b"x"),
    ):
        assert problem(answer) is None, place


JOBS: dict[str, dict[str, Any]] = {
    "/ajax-api/3.0/jobs/": {"job_name": "run_online_trace_scorer", "params": {}},
    "/api/3.0/mlflow/prompt-optimization/jobs": {
        "experiment_id": "0", "source_prompt_uri": "prompts:/a/1", "config": {"optimizer_type": 1},
    },
}  # fmt: skip


@pytest.mark.parametrize("path", JOBS)
def test_a_job_is_not_offered(client: httpx.Client, path: str) -> None:
    answer = client.post(path, json=JOBS[path])
    assert answer.status_code == httpx.codes.NOT_IMPLEMENTED, answer.text
    assert "job execution feature is not enabled" in answer.text


@pytest.mark.parametrize("filter_", ["name RLIKE 'x'", "name > 'x'", "creation_time LIKE 'x'"])
def test_a_comparison_that_experiments_lack_is_the_clients_mistake(
    client: httpx.Client, filter_: str
) -> None:
    asked = {"max_results": 5, "filter": filter_}
    answer = client.post("/api/2.0/mlflow/experiments/search", json=asked)
    assert answer.status_code == httpx.codes.BAD_REQUEST, answer.text


def test_a_pattern_that_takes_ages_stops_nobody(client: httpx.Client) -> None:
    trace = f"tr-{unique('t').encode().hex():0>32.32}"
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
    info = {
        "trace_id": trace,
        "trace_location": place,
        "request_time": "2026-01-01T00:00:00Z",
        "state": "OK",
        "tags": {"a": "a" * 40 + "!"},
    }
    made = client.post("/api/3.0/mlflow/traces", json={"trace": {"trace_info": info}})
    assert made.is_success, made.text
    for pattern in ("^(a|a)*$", "^(a+)+$", "^a+!$"):
        answer = client.post(
            "/api/3.0/mlflow/traces/search",
            json={"locations": [place], "filter": f"tags.a RLIKE '{pattern}'"},
            timeout=20,
        )
        assert answer.is_success, answer.text
        assert (trace in answer.text) is (pattern == "^a+!$")


def test_no_route_fails_at_a_query_of_another_form(client: httpx.Client) -> None:
    asked: list[Asked] = [
        ("GET", path, {"params": query})
        for path, given in queries().items()
        for value in QUERIED
        for query in (
            dict.fromkeys(given, value),
            *({name: value} for name in given if len(given) > 1),
        )
    ]
    assert len(asked) > 200
    assert problems(client, asked) == []


UNREAD = {
    ("DELETE", "/api/3.0/mlflow/datasets/1"),
    ("DELETE", "/api/3.0/mlflow/datasets/1/tags/1"),
    ("DELETE", "/api/3.0/mlflow/traces/1/assessments/1"),
    ("PUT", "/api/2.0/mlflow-artifacts/artifacts/odd/file"),
}
"""Routes whose path says all, and files."""


def test_broken_json_is_reported_as_such_on_every_route(client: httpx.Client) -> None:
    found = set()
    for method, path in bodies().keys() - UNREAD:
        answer = client.request(method, path, content=b'{"experiment_id": "0"', headers=JSON)
        is_served = answer.status_code not in {httpx.codes.NOT_IMPLEMENTED, httpx.codes.NOT_FOUND}
        if is_served and (answer.status_code, "broken JSON" in answer.text) != (400, True):
            found.add((method, path, answer.status_code, answer.text[:100]))
    assert found == set()


def spans(**fields: Any) -> dict[str, Any]:
    span = {"traceId": f"{time.time_ns():032x}", "spanId": "01" * 8, "name": "s", **fields}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def typed(value: Any) -> dict[str, Any]:
    return spans(attributes=[{"key": "mlflow.spanType", "value": value}])


API = "/api/2.0/mlflow"
HERE = {"x-mlflow-experiment-id": "0"}
CASES: dict[str, tuple[str, str, Any, Mapping[str, str], int, str]] = {
    "an experiment beyond": (
        "GET", f"{API}/experiments/get?experiment_id={BEYOND}", None, {}, 404, "No Experiment",
    ),
    "an experiment beyond, to restore": (
        "POST", f"{API}/experiments/restore", {"experiment_id": str(BEYOND)}, {}, 404,
        "No Experiment",
    ),
    "an experiment beyond, for a run": (
        "POST", f"{API}/runs/create", {"experiment_id": str(BEYOND)}, {}, 404, "No Experiment",
    ),
    "an experiment that Python cannot read": (
        "POST", f"{API}/experiments/delete", {"experiment_id": LONG}, {}, 400,
        "must be a valid integer",
    ),
    "a filter by a time beyond": (
        "POST", "/api/3.0/mlflow/traces/search",
        {"locations": [{"mlflow_experiment": {"experiment_id": "0"}}],
         "filter": f"timestamp_ms > {BEYOND}", "max_results": 5},
        {}, 200, "",
    ),
    "a trace of the year 300,000,000": (
        "POST", f"{API}/traces", {"experiment_id": "0", "timestamp_ms": 2**63 - 1}, {}, 400,
        "expected milliseconds since 1970",
    ),
    "experiments as a list in a text": (
        "GET", f"{API}/traces?experiment_ids=%5B%220%22%5D", None, {}, 400, "expected a call",
    ),
    "the tag of a trace that is not there": (
        "PATCH", f"{API}/traces/x1/tags", {"key": "k", "value": "v"}, {}, 400,
        "expected what the call refers to",
    ),
    "a run of no experiment": (
        "POST", f"{API}/runs/create", {}, {}, 400, "the database refused it: expected",
    ),
    "an experiment that is there": (
        "POST", f"{API}/experiments/create", {"name": "Default"}, {}, 400,
        "already exists. Error: expected a name or key that is not taken",
    ),
    "a time of spans beyond": (
        "POST", "/v1/traces", spans(startTimeUnixNano=str(2**64 - 1)), HERE, 400,
        "expected a number that the database holds",
    ),
    "a span in no experiment": (
        "POST", "/v1/traces", spans(), {"x-mlflow-experiment-id": "x"}, 400,
        "expected the number of an experiment",
    ),
    "spans that cannot be read": (
        "POST", "/v1/traces", spans(parentSpanId="01" * 12), HERE, 422,
        "expected spans that MLflow can read",
    ),
    "spans without an experiment": ("POST", "/v1/traces", spans(), {}, 422, "Field required"),
    "workspaces": ("GET", "/api/3.0/mlflow/workspaces", None, {}, 501, "NOT_IMPLEMENTED"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_client_is_told_in_plain_words_what_was_expected(client: httpx.Client, name: str) -> None:
    method, path, body, headers, status, said = CASES[name]
    answer = client.request(
        method,
        path,
        content=json.dumps(body) if body is not None else None,
        headers={**JSON, **headers},
    )
    assert (answer.status_code, problem(answer)) == (status, None), answer.text
    assert said in answer.text


def test_a_span_whose_type_is_a_list_is_kept_or_refused_in_plain_words(
    client: httpx.Client,
) -> None:
    body = typed({"arrayValue": {"values": [{"stringValue": "a"}]}})
    answer = client.post("/v1/traces", json=body, headers=HERE)
    assert (answer.status_code in {200, 400}, problem(answer)) == (True, None)


def test_the_log_keeps_what_the_answer_leaves_out(platform: Platform, client: httpx.Client) -> None:
    name = unique("experiment")
    for _ in range(2):
        client.post(f"{API}/experiments/create", json={"name": name})
    log = (platform.root / "logs" / "registry.log").read_text()
    assert re.search(rf"INSERT INTO experiments .*{name}", log)
