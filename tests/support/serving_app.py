"""An app on a real server of the platform's kind, in a thread."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

from starlette.types import ASGIApp

from infra.web import http
from infra.web.edge import Edge
from tests.ports import free_port


@contextlib.contextmanager
def served(app: ASGIApp, edge: Edge | None = None) -> Iterator[int]:
    """Serve the app; yields its port."""
    stop, port = threading.Event(), free_port()
    thread = threading.Thread(target=http.serve, args=(app, "127.0.0.1", port, stop, edge))
    thread.start()
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()
