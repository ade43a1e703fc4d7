from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import component
from infra.component import Component
from infra.console import views
from infra.errors import PlatformError, exit_code
from infra.processes import running
from infra.processes.process import Identity
from infra.processes.running import SupervisorRecord
from tests.unit.infra.console.live_server import Handler, live


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Handler]]:
    """A live platform whose server answers as the test says; the database says `local`."""
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(tmp_path))
    toy = Component("toy", views=lambda _settings: {"things": lambda asked: ["local", dict(asked)]})
    monkeypatch.setattr(component, "components", lambda: (toy,))
    with live(tmp_path) as handler:
        yield handler


def test_a_running_platform_is_asked_with_what_is_given(server: type[Handler]) -> None:
    server.body = b'{"view": ["remote"]}'
    assert views.read("toy", "things", name="a b", after=None, limit=3) == ["remote"]
    assert [path for _, path, _, _ in server.asked] == [
        "/acgs/api/v1/views/toy/things?name=a+b&limit=3"
    ]


def test_more_than_a_page_is_read_from_the_database(server: type[Handler]) -> None:
    assert views.read("toy", "things", limit=1001) == ["local", {"limit": "1001"}]
    assert server.asked == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>"),
        (200, b'{"other": 1}'),
        (404, b'{"detail": "Not Found"}'),
        (404, b'{"error_code": "infra.not_found", "message": "no such view", "hint": null}'),
        (401, b'{"error_code": "auth.missing", "message": "who are you", "hint": null}'),
        (503, b'{"error_code": "infra.unavailable", "message": "busy", "hint": null}'),
    ],
)
def test_a_server_that_cannot_answer_leaves_it_to_the_database(
    server: type[Handler], status: int, body: bytes
) -> None:
    server.status, server.body = status, body
    assert views.read("toy", "things") == ["local", {}]
    assert len(server.asked) == 1


@pytest.mark.parametrize(("status", "code"), [(403, 1), (400, 2), (404, 2)])
def test_what_the_server_refuses_is_told_as_if_it_were_refused_here(
    server: type[Handler], status: int, code: int
) -> None:
    told = {"error_code": "registry.unknown_version", "message": "no such", "hint": "look"}
    server.status, server.body = status, json.dumps(told).encode()
    with pytest.raises(PlatformError, match="no such") as caught:
        views.read("toy", "things")
    assert (caught.value.code, caught.value.hint) == ("registry.unknown_version", "look")
    assert exit_code(caught.value) == code


def test_without_a_platform_that_runs_the_database_is_read(
    server: type[Handler], tmp_path: Path
) -> None:
    gone = SupervisorRecord(Identity(1, "gone"), time.time(), {})
    running.write_supervisor(tmp_path, gone)
    assert views.read("toy", "things") == ["local", {}]
    running.forget(tmp_path)
    assert views.read("toy", "things") == ["local", {}]
    assert server.asked == []
