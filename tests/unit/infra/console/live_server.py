"""A live platform whose server answers as a test says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from infra.processes import running
from infra.processes.process import Identity
from infra.processes.running import SupervisorRecord


class Handler(BaseHTTPRequestHandler):
    """Answers every call alike, and keeps what was asked.

    Attributes:
        answers: whether it answers at all, rather than close the connection.
        asked: method, path, credential and JSON body of each call.
    """

    status, body, answers = 200, b"", True
    asked: ClassVar[list[tuple[str, str, str | None, Any]]] = []

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, sent: Any) -> None:
        self.asked.append((self.command, self.path, self.headers["Authorization"], sent))
        if not self.answers:
            self.close_connection = True
            return
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def live(root: Path) -> Iterator[type[Handler]]:
    """Run the server of a storage root, recorded as a supervisor records it."""
    handler = type("OwnHandler", (Handler,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
        recorded(root, made.server_address[1])
        yield handler
        made.shutdown()


def recorded(root: Path, port: int) -> None:
    """Record a live supervisor whose server listens on a port."""
    flags = {"ACGS_HOST": "127.0.0.1", "ACGS_REGISTRY_PORT": str(port)}
    running.write_supervisor(root, SupervisorRecord(Identity.mine(), time.time(), flags))
