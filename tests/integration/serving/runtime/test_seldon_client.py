"""SeldonClient itself, from the last open release of seldon-core, calling a real server."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from tests.integration.serving import models
from tests.support.runtime import running, serving_env, serving_interpreter

PREFIX = "/seldon/acgs/credit"


@contextlib.contextmanager
def prefix_gateway(port: int) -> Iterator[int]:
    """A gateway that does what Seldon's ingress does to the path, and no more."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path.startswith(PREFIX)
            path = self.path.removeprefix(PREFIX)
            answer = httpx.post(f"http://127.0.0.1:{port}{path}", content=body, timeout=30)
            self.send_response(answer.status_code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_seldon_client_gets_predictions_and_sends_feedback(tmp_path: Path) -> None:
    model, features = models.save_classifier(tmp_path / "model")
    rows = features.iloc[:20]
    script = Path(__file__).with_name("seldon_client_script.py")
    with (
        running(tmp_path / "model", tmp_path / "run") as runtime,
        prefix_gateway(runtime.port) as gateway,
    ):
        finished = subprocess.run(
            [
                str(serving_interpreter()),
                str(script),
                f"127.0.0.1:{gateway}",
                json.dumps(rows.to_numpy().tolist()),
            ],
            env=serving_env(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        page = runtime.http.get("/metrics").text
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout)
    assert found["answers"] == [model.predict(rows).tolist()] * 8
    assert found["bad"][0] is False
    assert "expected 30 columns, found 1" in found["bad"][1]
    counted = [line for line in page.splitlines() if "feedback_total{" in line]
    assert len(counted) == 1
    assert counted[0].endswith(" 4.0")
