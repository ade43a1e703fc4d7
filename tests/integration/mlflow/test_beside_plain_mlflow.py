"""Clients of three MLflow releases on the platform and on plain MLflow: the same, call by call."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry.adapters import mirror
from tests.support.clients import Client, interpreter
from tests.support.differences import ALL_NAMES, GOVERNED_NAMES
from tests.support.plain_mlflow import plain_server
from tests.support.platform import write_constitution
from tests.support.replicas import replicas
from tests.support.stores import put_database

SCRIPT = Path(__file__).with_name("day_of_work.py")
DAY_SECONDS = 280
INFO = "/api/3.0/mlflow/server-info"
REFUSED = {
    "experiment_that_exists",
    "experiment_without_a_name",
    "experiment_that_is_unknown",
    "a_parameter_that_changes",
    "a_run_that_is_unknown",
    "an_artifact_that_is_missing",
    "an_artifact_outside",
    "a_name_that_is_taken",
    "a_model_that_is_unknown",
}
"""Steps that end in an error, as they should."""
MASKS = (
    (r"127\.0\.0\.1:\d+", "HOST"),
    (r"tmp\w{8}", "TEMPORARY"),
    (r"\b\d{19}\b", "NANOSECONDS"),
    (r"\b1[789]\d{11}\b", "MILLISECONDS"),
    (r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", "UUID"),
    (r"[0-9a-f]{32,64}", "ID"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?", "TIME"),
    (r'(execution_duration\\*": \\*")[^"\\]+', r"\1DURATION"),
    (r'((?:execution_time_ms|execution_duration_ms)\\*": )\d+', r"\1DURATION"),
    (r'((?:trace|span|parent_span|parent)_id\\*": ?\\*")[^"\\]{8,40}', r"\1ID"),
    # Of the dataset's name and the time.
    (r'(digest\\*": \\*")[0-9a-f]{8}', r"\1DIGEST"),
    # A listed difference: the statement with its values, or a sentence.
    (r"(already exists\. Error: ).*?(?:gkpj\)|found one that is)", r"\1REASON"),
)
"""What no two servers can share: where they listen, what they draw, and when."""


@dataclass(frozen=True)
class Servers:
    plain: str
    ours: str


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    root = tmp_path_factory.mktemp("ours")
    write_constitution(root)  # governs `observed*`, and never refuses it
    put_database(root)
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        plain = pool.submit(stack.enter_context, plain_server(tmp_path_factory.mktemp("plain")))
        (ours,) = stack.enter_context(replicas(root, 1))
        yield Servers(plain.result(), ours)


def day(client: Client, url: str) -> list[dict[str, Any]]:
    """Do a day's work in a client's environment; return what each step told, masked."""
    inherited = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("MLFLOW_", "ACGS_", "MLOPS_", "PYTHON", "VIRTUAL_ENV"))
    }
    python = interpreter(client)
    done = subprocess.run(
        [python, SCRIPT, url, f"plain-{client.replace('.', '-')}"],
        env=inherited | {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=DAY_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [step(json.loads(line)) for line in done.stdout.splitlines()]


def step(told: dict[str, Any]) -> dict[str, Any]:
    # Clients ask for it again when they forget, by the clock; a step of its own compares it.
    made = [call for call in told.pop("calls") if call[1] != INFO]
    calls = [[*head, ordered(body)] for *head, body in made]
    masked: dict[str, Any] = json.loads(mask(json.dumps(told)))
    return masked | {"calls": sorted(mask(json.dumps(call)) for call in calls)}


def ordered(body: str) -> Any:
    """Parse a JSON body, with what has no order of its own in one."""
    try:
        return sorted_keys(json.loads(body))
    except ValueError:
        return body


def sorted_keys(value: Any) -> Any:
    match value:
        case dict():
            return {key: sorted_keys(value[key]) for key in sorted(value)}
        case [dict(), *_] if "key" in value[0] or "alias" in value[0]:
            # Tags and aliases: the database's order.
            return sorted((sorted_keys(item) for item in value), key=str)
        case list():
            return [sorted_keys(item) for item in value]
        case str() if value.startswith("{"):
            return ordered(value)
        case _:
            return value


def mask(text: str) -> str:
    for pattern, name in MASKS:
        text = re.sub(pattern, name, text)
    return text


@pytest.mark.parametrize("client", list(Client))
def test_a_days_work_on_ungoverned_names_is_as_on_plain_mlflow(
    servers: Servers, client: Client
) -> None:
    interpreter(client)
    with ThreadPoolExecutor() as pool:
        days = pool.map(lambda url: day(client, url), (servers.plain, servers.ours))
    on_plain, on_ours = days
    assert {told["step"] for told in on_plain if "raised" in told} == REFUSED
    pairs = zip(on_plain, on_ours, strict=True)
    assert [(plain, ours) for plain, ours in pairs if plain != ours] == []


# --- the HTTP interface, whose callers are not all clients of MLflow

TAG = {"key": "k", "value": "v"}
# Else by time, which two servers do not share.
BY_NAME = {"order_by": "name ASC"}
CALLS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "registered-models/create": ("POST", {"name": "@new", "tags": [TAG], "description": "d"}),
    "registered-models/rename": ("POST", {"name": "@", "new_name": "@new"}),
    "registered-models/update": ("PATCH", {"name": "@", "description": "d"}),
    "registered-models/delete": ("DELETE", {"name": "@"}),
    "registered-models/get": ("GET", {"name": "@"}),
    "registered-models/search": ("GET", {"filter": "name = '@'", "max_results": "5", **BY_NAME}),
    "registered-models/get-latest-versions": ("POST", {"name": "@", "stages": ["None"]}),
    "registered-models/set-tag": ("POST", {"name": "@", **TAG}),
    "registered-models/delete-tag": ("DELETE", {"name": "@", "key": "k"}),
    "registered-models/alias": ("POST", {"name": "@", "alias": "a", "version": "1"}),
    "registered-models/alias ": ("DELETE", {"name": "@", "alias": "a"}),
    "registered-models/alias  ": ("GET", {"name": "@", "alias": "a"}),
    "model-versions/create": (
        "POST",
        {"name": "@", "source": "models:/@/1", "tags": [TAG], "description": "d", "run_link": "l"},
    ),
    "model-versions/update": ("PATCH", {"name": "@", "version": "1", "description": "d"}),
    "model-versions/transition-stage": (
        "POST",
        {"name": "@", "version": "1", "stage": "Archived", "archive_existing_versions": False},
    ),
    "model-versions/delete": ("DELETE", {"name": "@", "version": "1"}),
    "model-versions/get": ("GET", {"name": "@", "version": "1"}),
    "model-versions/search": ("GET", {"filter": "name = '@'", "max_results": "5", **BY_NAME}),
    "model-versions/get-download-uri": ("GET", {"name": "@", "version": "1"}),
    "model-versions/set-tag": ("POST", {"name": "@", "version": "1", **TAG}),
    "model-versions/delete-tag": ("DELETE", {"name": "@", "version": "1", "key": "k"}),
}
MISSING = object()
VALUES: tuple[Any, ...] = (MISSING, None, "", " ", 0, "1.0.0", "é", [])


class Caller:
    """Makes calls on one server, and models to make them on."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=f"{url}/api/2.0/mlflow/", timeout=60, trust_env=False)
        made = self.call("POST", "runs/create", {"experiment_id": "0"}).json()["run"]["info"]
        self.run, self.source = made["run_id"], f"{made['artifact_uri']}/model"

    def call(self, method: str, path: str, body: Mapping[str, Any]) -> httpx.Response:
        sent: dict[str, Any] = {"params": body} if method == "GET" else {"json": body}
        return self.http.request(method, path.strip(), **sent)

    def fill(self, name: str) -> None:
        """Make a model with a version, one that is deleted, and an alias."""
        version = {"name": name, "source": self.source, "run_id": self.run, "tags": [TAG]}
        for method, path, body in (
            ("POST", "registered-models/create", {"name": name, "tags": [TAG]}),
            ("POST", "model-versions/create", version),
            ("POST", "model-versions/create", version),
            ("DELETE", "model-versions/delete", {"name": name, "version": "2"}),
            ("POST", "registered-models/alias", {"name": name, "alias": "a", "version": "1"}),
        ):
            assert self.call(method, path, body).status_code == httpx.codes.OK

    def answer(self, method: str, path: str, body: Mapping[str, Any], name: str) -> list[Any]:
        told = self.call(method, path, body)
        text = json.dumps(without_ours(ordered(told.text)), ensure_ascii=False)
        return [told.status_code, mask(text.replace(name, "@"))]


def without_ours(value: Any) -> Any:
    """Leave out what the platform adds to governed versions: its tags and its line."""
    match value:
        case {"key": str(key)} if key.startswith("acgs."):
            return None
        case dict():
            found = {key: without_ours(item) for key, item in value.items()}
            if "description" in found:
                found["description"] = mirror.own_words(found["description"])
            return {key: item for key, item in found.items() if item not in ("", [])}
        case list():
            return [found for item in value if (found := without_ours(item)) is not None]
        case _:
            return value


def put(value: Any, name: str) -> Any:
    return value.replace("@", name) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def callers(servers: Servers) -> Iterator[tuple[Caller, Caller]]:
    plain, ours = Caller(servers.plain), Caller(servers.ours)
    with closing(plain.http), closing(ours.http):
        yield plain, ours


@pytest.mark.parametrize("kind", ["plain", "observed"])
def test_odd_requests_are_answered_as_plain_mlflow_does(
    callers: tuple[Caller, Caller], kind: str
) -> None:
    listed = ALL_NAMES if kind == "plain" else (*ALL_NAMES, *GOVERNED_NAMES)
    count, found = 0, []
    for path, (method, valid) in CALLS.items():
        fresh = False
        for field in valid:
            for value in VALUES if field != "order_by" else ():
                if not fresh:
                    count += 1
                    name = f"{kind}-rest-{count}"
                    for caller in callers:
                        caller.fill(name)
                body = {k: put(v, name) for k, v in valid.items() if k != field}
                if value is not MISSING:
                    body[field] = value
                plain, ours = (c.answer(method, path, body, name) for c in callers)
                if path in ("registered-models/create", "registered-models/rename"):
                    made = body.get("new_name", body.get("name"))
                    for caller in callers:
                        caller.call("DELETE", "registered-models/delete", {"name": made})
                # What was refused has changed nothing.
                fresh = method == "GET" or (plain[0] != httpx.codes.OK != ours[0])
                if plain != ours and not any(re.search(d.pattern, ours[1]) for d in listed):
                    found.append((method, path, {**body, field: str(value)}, plain, ours))
    assert found == []
