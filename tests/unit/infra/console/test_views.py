from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from infra import component
from infra.component import Component
from infra.console import views
from infra.errors import PlatformError, exit_code
from infra.processes import running
from infra.processes.process import Identity
from infra.processes.running import SupervisorRecord


class _Server(BaseHTTPRequestHandler):
    status, body = 200, b""
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Server]]:
    """A live platform whose server answers as the test says; the database says `local`."""
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(tmp_path))
    toy = Component("toy", views=lambda _settings: {"things": lambda asked: ["local", dict(asked)]})
    monkeypatch.setattr(component, "components", lambda: (toy,))
    handler = type("Handler", (_Server,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
        flags = {"ACGS_HOST": "127.0.0.1", "ACGS_REGISTRY_PORT": str(made.server_address[1])}
        running.write_supervisor(tmp_path, SupervisorRecord(Identity.mine(), time.time(), flags))
        yield handler
        made.shutdown()


def test_a_running_platform_is_asked_with_what_is_given(server: type[_Server]) -> None:
    server.body = b'{"view": ["remote"]}'
    assert views.read("toy", "things", name="a b", after=None, limit=3) == ["remote"]
    assert server.asked == ["/acgs/api/v1/views/toy/things?name=a+b&limit=3"]


def test_more_than_a_page_is_read_from_the_database(server: type[_Server]) -> None:
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
    server: type[_Server], status: int, body: bytes
) -> None:
    server.status, server.body = status, body
    assert views.read("toy", "things") == ["local", {}]
    assert len(server.asked) == 1


@pytest.mark.parametrize(("status", "code"), [(403, 1), (400, 2), (404, 2)])
def test_what_the_server_refuses_is_told_as_if_it_were_refused_here(
    server: type[_Server], status: int, code: int
) -> None:
    told = {"error_code": "registry.unknown_version", "message": "no such", "hint": "look"}
    server.status, server.body = status, json.dumps(told).encode()
    with pytest.raises(PlatformError, match="no such") as caught:
        views.read("toy", "things")
    assert (caught.value.code, caught.value.hint) == ("registry.unknown_version", "look")
    assert exit_code(caught.value) == code


def test_without_a_platform_that_runs_the_database_is_read(
    server: type[_Server], tmp_path: Path
) -> None:
    gone = SupervisorRecord(Identity(1, "gone"), time.time(), {})
    running.write_supervisor(tmp_path, gone)
    assert views.read("toy", "things") == ["local", {}]
    running.forget(tmp_path)
    assert views.read("toy", "things") == ["local", {}]
    assert server.asked == []
