"""Operations: carried out by the running platform, here where none runs and names are claims."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra import component, configuration
from infra.component import Component
from infra.console import operations
from infra.errors import PlatformError, exit_code
from infra.identity import credentials
from infra.identity.current import current_caller
from infra.processes import running
from infra.web.own_servers import NeverSentError
from tests.unit.infra.console.live_server import Handler, live, recorded


def do(asked: Any) -> list[Any]:
    caller = current_caller()
    return ["here", asked, caller.where if caller else None]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Handler]]:
    """A live platform whose server answers as the test says."""
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv(credentials.TOKEN, "abc")
    toy = Component("toy", operations=lambda _settings: {"do": do})
    monkeypatch.setattr(component, "components", lambda: (toy,))
    with live(tmp_path) as handler:
        yield handler


def test_the_running_platform_is_asked_as_whoever_runs_the_command(server: type[Handler]) -> None:
    server.body = b'{"result": {"done": 1}}'
    assert operations.carry_out("toy", "do", name="a b", left_out=None) == {"done": 1}
    path = "/acgs/api/v1/operations/toy/do"
    assert server.asked == [("POST", path, "Bearer abc", {"name": "a b"})]


@pytest.mark.parametrize(("status", "code"), [(400, 2), (401, 1), (403, 1), (404, 2), (409, 3)])
def test_what_the_server_refuses_is_refused_here(
    server: type[Handler], status: int, code: int
) -> None:
    told = {"error_code": "access.denied", "message": "no", "hint": "ask"}
    server.status, server.body = status, json.dumps(told).encode()
    with pytest.raises(PlatformError, match="no") as caught:
        operations.carry_out("toy", "do")
    assert (caught.value.code, caught.value.hint) == ("access.denied", "ask")
    assert exit_code(caught.value) == code


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]", b'"text"'])
def test_an_answer_that_is_none_leaves_it_open_whether_it_was_done(
    server: type[Handler], body: bytes
) -> None:
    server.body = body
    with pytest.raises(operations.UnansweredError):
        operations.carry_out("toy", "do")
    assert len(server.asked) == 1


def test_a_connection_that_breaks_is_never_taken_for_a_reason_to_do_it_again(
    server: type[Handler],
) -> None:
    server.answers = False
    with pytest.raises(operations.UnansweredError, match="may have been done"):
        operations.carry_out("toy", "do")
    assert len(server.asked) == 1


def test_where_no_server_takes_the_connection_an_open_platform_is_changed_here(
    server: type[Handler], tmp_path: Path
) -> None:
    recorded(tmp_path, 1)
    assert operations.carry_out("toy", "do", x=1) == ["here", {"x": 1}, "cli"]
    running.forget(tmp_path)
    assert operations.carry_out("toy", "do", x=2) == ["here", {"x": 2}, "cli"]
    assert server.asked == []


def test_where_names_are_proven_nothing_is_changed_without_a_server(
    server: type[Handler], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del server
    running.forget(tmp_path)

    class Proven:
        is_open = False

    class Settings:
        def of(self, _group: object) -> Proven:
            return Proven()

    monkeypatch.setattr(configuration, "load_settings", Settings)
    with pytest.raises(operations.NotRunningError, match="expected the running platform"):
        operations.carry_out("toy", "do")


def test_a_refused_connection_says_that_nothing_was_sent() -> None:
    from infra.web import own_servers

    with pytest.raises(NeverSentError):
        own_servers.post("http://127.0.0.1:1/x", {}, timeout_seconds=1.0)
