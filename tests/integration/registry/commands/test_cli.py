"""The registry's commands and pages, on a real store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import text
from starlette.applications import Starlette

from infra.console import cli
from infra.console.lazy import load
from infra.processes import exposition
from infra.settings import Settings
from infra.web import http
from registry.component import component
from registry.domain.values import RequestState
from registry.plugin.routes import routes
from registry.plugin.store import GovernedStore
from tests.contract.test_requests import NAME, ask, register, score
from tests.support.stores import put_database

HUGE = "9" * 23


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(tmp_path / "root"))
    return tmp_path / "root"


@pytest.fixture
def store(root: Path) -> Iterator[GovernedStore]:
    put_database(root)
    opened = GovernedStore(Settings(storage_root=root))
    opened.create_registered_model(NAME)
    yield opened
    opened.registry.engine.dispose()
    opened.engine.dispose()


def test_approving_what_is_refused_all_the_same_exits_1_with_every_reason(
    store: GovernedStore, capsys: pytest.CaptureFixture[str]
) -> None:
    number = register(store)
    request = score(store.registry, ask(store.registry, number), approvals=1)
    (Path(store.get_model_version(NAME, number).source) / "MLmodel").write_text("flavors: {x: {}}")
    assert cli.invoke(["approve", str(request.id)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"was refused (request {request.id}):" in err
    assert "1) " in err
    assert f"what to do: acgs request show {request.id}" in err
    assert store.registry.gate.get_request(request.id).state is RequestState.REFUSED


def test_rejecting_does_what_was_asked(
    store: GovernedStore, capsys: pytest.CaptureFixture[str]
) -> None:
    request = score(store.registry, ask(store.registry, register(store)), approvals=1)
    assert cli.invoke(["reject", str(request.id), "--comment", "not now"]) == 0
    assert capsys.readouterr().out == f"request {request.id} is refused\n"


@pytest.mark.parametrize(
    "words",
    [
        ["request", "list"],
        ["request", "show", "1"],
        ["audit", "log"],
        ["model", "list"],
        ["promote", "x@1"],
        ["approve", "1"],
        ["endpoint", "list"],
        ["compliance", "show", "x@1"],
        ["webhook", "list"],
    ],
)
def test_a_root_where_nothing_was_prepared_is_named_and_left_alone(
    root: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.invoke(words) == 2
    err = capsys.readouterr().err
    assert f"error [infra.not_prepared]: no platform was prepared in {root}:" in err
    assert "what to do: acgs up" in err
    assert not root.exists()


@pytest.mark.parametrize(
    "words",
    [
        ["approve", HUGE],
        ["reject", HUGE],
        ["request", "show", HUGE],
        ["request", "wait", HUGE],
        ["request", "cancel", HUGE],
        ["request", "show", "0"],
        ["promote", f"{NAME}@{HUGE}"],
        ["model", "show", f"{NAME}@{HUGE}"],
        ["rollout", "show", HUGE],
        ["audit", "log", "--after", HUGE],
        ["audit", "log", "--limit", "-5"],
        ["audit", "log", "--limit", "0"],
    ],
)
def test_a_number_that_cannot_be_is_wrong_usage(store: GovernedStore, words: list[str]) -> None:
    register(store)
    assert cli.invoke(words) == 2


@pytest.mark.parametrize(
    "words",
    [
        ["model", "show", "nope"],
        ["version", "list", "nope"],
        ["version", "check", "nope"],
        ["artifact", "scrub", "nope"],
        ["artifact", "usage", "nope"],
        ["promote", "nope@1"],
    ],
)
def test_an_unknown_model_is_said_to_be_unknown(
    store: GovernedStore, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    register(store)
    assert cli.invoke(words) == 2
    err = capsys.readouterr().err
    assert ("no model nope is registered" in err) or ("a registered model nope" in err)
    assert "what to do: acgs model list" in err


VERSION_COMMANDS = [
    "artifact hold --reason case",
    "artifact status",
    "artifact verify",
    "compliance report",
    "compliance score",
    "lineage show",
    "model show",
    "promote",
    "version bom",
    "version show",
    "version yank --reason leak",
]


@pytest.mark.parametrize("command", VERSION_COMMANDS)
def test_an_unknown_version_is_answered_with_those_that_there_are(
    store: GovernedStore, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    register(store)
    for unknown in ("9.9.9", "9.x", "77", "nobody", "@nobody"):
        assert cli.invoke([*command.split(), f"{NAME}@{unknown}"]) == 2
        said = capsys.readouterr().err
        assert "expected a registered version, found that " in said
        assert f"{NAME} has no version {unknown}: it has " in said
        assert f"what to do: acgs version list {NAME}" in said


def test_an_alias_is_a_version_with_its_mark_or_without(
    store: GovernedStore, capsys: pytest.CaptureFixture[str]
) -> None:
    number = register(store)
    store.set_registered_model_alias(NAME, "mine", number)
    with store.engine.begin() as connection:
        # As plain MLflow may have left it; the platform lets no alias have a stage's name.
        connection.execute(
            text(
                "INSERT INTO registered_model_aliases (name, alias, version, workspace) "
                "SELECT name, 'staging', version, workspace FROM registered_model_aliases"
            )
        )
    for alias in ("mine", "@mine", "@staging"):
        assert cli.invoke(["version", "show", f"{NAME}@{alias}"]) == 0
    assert cli.invoke(["version", "show", f"{NAME}@staging"]) == 2, "nothing is in Staging"
    capsys.readouterr()


@pytest.mark.parametrize("command", ["promote", "version show", "compliance show", "version diff"])
def test_name_and_version_apart_are_answered_with_how_to_write_them(
    root: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    del root
    assert cli.invoke([*command.split(), NAME, "1.0.0"]) == 2
    said = capsys.readouterr().err
    assert f"expected NAME@VERSION, found {NAME!r}" in said
    assert f"what to do: write {NAME}@VERSION" in said


def test_a_request_that_no_number_can_name_is_not_found_over_http(store: GovernedStore) -> None:
    request = ask(store.registry, register(store))
    app = Starlette(
        routes=list(routes(store.registry.gate.settings)),
        exception_handlers=http.exception_handlers(),
    )

    async def ask_all() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://acgs") as client:
            found = await client.get(f"/acgs/api/v1/requests/{request.id}")
            assert found.json()["id"] == request.id
            for wrong in (HUGE, "9" * 19, "9" * 5000, "one", "-1"):
                answer = await client.get(f"/acgs/api/v1/requests/{wrong}")
                assert answer.status_code == httpx.codes.NOT_FOUND
                assert answer.json()["error_code"] == "registry.unknown_request"
            for wrong in (HUGE, "-1", "x"):
                answer = await client.get("/acgs/api/v1/events", params={"after": wrong})
                assert answer.status_code == httpx.codes.BAD_REQUEST

    asyncio.run(ask_all())


def test_what_a_running_server_shows_is_what_the_command_shows(
    store: GovernedStore, capsys: pytest.CaptureFixture[str]
) -> None:
    request = ask(store.registry, register(store))
    settings = store.registry.gate.settings
    app = Starlette(
        routes=list(exposition.routes(settings)), exception_handlers=http.exception_handlers()
    )
    two = f"name={NAME}&version=1&other={NAME}&to=1"
    shown = {
        "registry/models": "model list",
        f"registry/model?name={NAME}": f"model show {NAME}",
        f"registry/versions?name={NAME}&limit=50": f"version list {NAME}",
        f"registry/version?name={NAME}&version=1": f"version show {NAME}@1",
        "registry/requests": "request list",
        "registry/requests?state=open&name=nope": "request list --open --name nope",
        f"registry/request?id={request.id}": f"request show {request.id}",
        "registry/events?after=1&limit=2": "audit log --after 1 --limit 2",
        f"registry/comparison?{two}": f"version compare {NAME}@1 {NAME}@1",
        f"registry/diff?{two}": f"version diff {NAME}@1 {NAME}@1",
        f"lineage/show?name={NAME}&version=1": f"lineage show {NAME}@1",
        f"lineage/show?name={NAME}&direction=up&depth=3": f"lineage show {NAME} --up --depth 3",
        f"lineage/served?name={NAME}&at=2026-11-01T12:00Z": (
            f"lineage served {NAME} --at 2026-11-01T12:00Z"
        ),
        "git/status": "git status",
        "infra/schema": "schema status",
    }
    wrong = {
        "registry/model?name=nope": (404, "registry.unknown_version"),
        "registry/request?id=999": (404, "registry.unknown_request"),
        "registry/models?limit=1001": (400, "infra.usage"),
        "registry/models?limit=x": (400, "infra.usage"),
        f"registry/events?after={HUGE}": (400, "infra.usage"),
        f"registry/diff?name={NAME}&version=1&to=9": (404, "registry.unknown_version"),
        f"lineage/show?name={NAME}&depth=51": (400, "infra.usage"),
        f"lineage/served?name={NAME}&at=noon": (400, "lineage.time_invalid"),
        f"compliance/verdict?name={NAME}&version=1": (404, "infra.not_found"),
        "registry/nothing": (404, "infra.not_found"),
    }

    async def ask_all() -> None:
        transport = httpx.ASGITransport(app)
        base = "http://acgs/acgs/api/v1/views/"
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            for path, words in shown.items():
                answer = await client.get(path)
                assert cli.invoke([*words.split(), "--json"]) == 0
                view = answer.json()["view"]
                document = view.get("document", view) if isinstance(view, dict) else view
                assert document == json.loads(capsys.readouterr().out), words
            for path, (status, code) in wrong.items():
                answer = await client.get(path)
                assert (answer.status_code, answer.json()["error_code"]) == (status, code), path

    asyncio.run(ask_all())


def test_every_command_has_help() -> None:
    for entry in component.commands:
        assert CliRunner().invoke(load(entry), ["--help"]).exit_code == 0
