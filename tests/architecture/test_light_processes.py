"""What starts often or stays for weeks loads no library that it does not need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.component import roles
from infra.processes import running
from infra.processes.process import Identity
from infra.processes.running import SupervisorRecord
from infra.settings import Settings

CLONE = Path(__file__).parents[2]
SERVERS = ["mlflow", "fastapi", "flask", "alembic", "boto3"]
ARRAYS = ["pandas", "numpy", "scipy", "sklearn", "pyarrow"]
LIBRARIES = [*SERVERS, *ARRAYS, "sqlalchemy", "pydantic", "httpx", "starlette", "rich", "yaml"]
VIEWS: dict[str, Any] = {
    "models": [{"name": "credit", "champion": None, "newest": "1.0.0", "versions": 1}],
    "requests": [],
    "events": [],
    "versions": [],
    "endpoints": [],
    "rollouts": [],
    "health": [{"component": "infra", "probe": "database", "health": "ok", "detail": ""}],
}


class _Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"view": VIEWS[self.path.partition("?")[0].rpartition("/")[2]]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def running_root(tmp_path: Path) -> Iterator[Path]:
    """A storage root whose platform runs, as far as a command can see."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        port = str(server.server_address[1])
        flags = {"ACGS_HOST": "127.0.0.1", "ACGS_REGISTRY_PORT": port}
        running.write_supervisor(tmp_path, SupervisorRecord(Identity.mine(), time.time(), flags))
        yield tmp_path
        server.shutdown()


def loaded(code: str, names: list[str], root: Path) -> list[str]:
    """Run code in an interpreter of its own; return which of these modules it has loaded then."""
    code += f";import sys;print([n for n in {names!r} if n in sys.modules], file=sys.stderr)"
    environment = os.environ | {"MLOPS_STORAGE_ROOT": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=CLONE, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stderr.strip().splitlines()[-1].replace("'", '"'))
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize(
    "words",
    [
        "model list",
        "version list credit",
        "request list",
        "audit log",
        "endpoint list",
        "rollout list",
        "health",
    ],
)
def test_a_command_that_reads_a_running_platform_loads_no_library(
    words: str, running_root: Path
) -> None:
    code = f"from infra.console import cli; assert cli.invoke({words.split()!r}) == 0"
    assert loaded(code, LIBRARIES, running_root) == []


def test_status_loads_settings_and_a_table_and_nothing_of_the_roles(running_root: Path) -> None:
    code = "from infra.console import cli; assert cli.invoke(['status']) == 3"
    heavy = [name for name in LIBRARIES if name not in {"pydantic", "rich"}]
    assert loaded(code, heavy, running_root) == []


def test_a_supervisor_asks_every_role_without_loading_what_the_role_needs(tmp_path: Path) -> None:
    code = (
        "from infra.component import roles; from infra.configuration import load_settings;"
        "from infra.processes import supervisor; settings = load_settings();"
        "found = [role.ready(settings) for role in roles().values()]"
    )
    heavy = [name for name in LIBRARIES if name != "pydantic"]
    assert loaded(code, heavy, tmp_path) == []


def test_the_light_roles_are_those_that_serve_nobody(tmp_path: Path) -> None:
    light = {role.name for role in roles().values() if role.light}
    assert light == {"manager", "adoption", "git", "artifacts", "deployer"}
    settings = Settings(storage_root=tmp_path)
    assert not any(role.light and role.url(settings) for role in roles().values())


def test_light_roles_load_no_server_and_no_arrays(tmp_path: Path) -> None:
    parts = (
        "registry.bootstrap, registry.webhooks.deliveries, registry.gate.settlement,"
        "registry.adoption.backfill, registry.git.service, registry.artifacts.bootstrap,"
        "serving.bootstrap, serving.endpoints.probes"
    )
    assert loaded(f"import {parts}", [*SERVERS, *ARRAYS], tmp_path) == []


def test_a_scorer_without_a_version_to_judge_loads_no_model_library(tmp_path: Path) -> None:
    parts = (
        "compliance.bootstrap, compliance.judging.receiver, compliance.judging.worker,"
        "compliance.reports.mlflow_runs, compliance.sandbox"
    )
    assert loaded(f"import {parts}", ["mlflow", "pandas", "scipy", "sklearn"], tmp_path) == []
