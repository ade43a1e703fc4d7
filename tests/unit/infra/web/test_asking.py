from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest import mock

import httpx

from infra.web.clients import client


class _Named(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections, if the client does
    name = ""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.name)))
        self.end_headers()
        self.wfile.write(self.name.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def _server(name: str, port: int = 0) -> Iterator[int]:
    handler = type("Handler", (_Named,), {"name": name})
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_question_goes_to_the_server_that_listens_now_not_to_the_one_before() -> None:
    with _server("first") as port:
        assert client().get(f"http://127.0.0.1:{port}").text == "first"
    with _server("second", port):
        assert client().get(f"http://127.0.0.1:{port}").text == "second"


def test_asking_again_makes_no_second_tls_context() -> None:
    with _server("any") as port:
        client()
        with mock.patch("ssl.SSLContext", side_effect=AssertionError("made a TLS context")):
            assert client().get(f"http://127.0.0.1:{port}").text == "any"


def test_no_proxy_of_the_environment_is_asked() -> None:
    with _server("direct") as port, mock.patch.dict("os.environ", HTTP_PROXY="http://127.0.0.1:9"):
        client.cache_clear()
        try:
            assert client().get(f"http://127.0.0.1:{port}").status_code == httpx.codes.OK
        finally:
            client.cache_clear()
