"""`mlflow models` by semantic version, from an environment that knows nothing of the platform."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.ports import free_port
from tests.support.credit import Registered, dataset, register, unique
from tests.support.platform import Platform
from tests.support.runtime import serving_interpreter

PREDICT_SECONDS = 100
START_SECONDS = 100.0
STOP_SECONDS = 10.0
ROWS = 3
PLUGINS = """
from importlib.metadata import distributions
points = [(d.name, p.group) for d in distributions() for p in d.entry_points]
print(sorted({name for name, group in points if group.startswith("mlflow.")}))
"""


@pytest.fixture(scope="module")
def version(platform: Platform) -> Registered:
    return register(platform, unique("credit"))


def _environment(platform: Platform) -> Mapping[str, str]:
    """Environment of a user who was told the tracking URL and nothing else."""
    inherited = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("MLFLOW_", "ACGS_", "MLOPS_", "PYTHON", "VIRTUAL_ENV"))
    }
    folder = serving_interpreter().parent
    return inherited | {
        "MLFLOW_TRACKING_URI": platform.url,
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
    }


def _command(verb: str, model: str, *arguments: str) -> list[str]:
    mlflow = str(serving_interpreter().parent / "mlflow")
    return [mlflow, "models", verb, "-m", model, "--env-manager", "local", *arguments]


def _predict(
    platform: Platform, folder: Path, model: str, payload: Mapping[str, Any]
) -> subprocess.CompletedProcess[str]:
    rows = folder / "rows.json"
    rows.write_text(json.dumps(payload))
    return subprocess.run(
        _command("predict", model, "-i", str(rows)),
        cwd=folder,
        env=_environment(platform),
        capture_output=True,
        text=True,
        timeout=PREDICT_SECONDS,
        check=False,
    )


def _payload() -> dict[str, Any]:
    rows = dataset()
    head = rows.holdout[list(rows.features)].head(ROWS).astype(float)
    return {"dataframe_split": head.to_dict(orient="split", index=False)}


@contextmanager
def _served(platform: Platform, folder: Path, model: str) -> Iterator[httpx.Client]:
    port = free_port()
    log = folder / "serve.log"
    with log.open("wb") as sink:
        # MLflow starts a server of its own below: the session ends them together.
        process = subprocess.Popen(
            _command("serve", model, "--host", "127.0.0.1", "--port", str(port)),
            cwd=folder,
            env=dict(_environment(platform)),
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as http:
            _wait_ready(process, http, log)
            yield http
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_ready(process: subprocess.Popen[bytes], http: httpx.Client, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if http.get("/ping").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"mlflow models serve did not start:\n{log.read_text()}")


def test_the_client_has_no_plugin_of_the_platform(platform: Platform, tmp_path: Path) -> None:
    done = subprocess.run(
        [serving_interpreter(), "-c", PLUGINS],
        cwd=tmp_path,
        env=_environment(platform),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "['mlflow-skinny']"


def test_models_serve_answers_invocations_by_semantic_version(
    platform: Platform, version: Registered, tmp_path: Path
) -> None:
    with _served(platform, tmp_path, f"models:/{version.name}/1.0.0") as http:
        answer = http.post("/invocations", json=_payload())
    assert answer.status_code == httpx.codes.OK, answer.text
    assert answer.json() == {"predictions": _expected(platform, version)}


def test_models_predict_takes_a_version_written_like_an_alias(
    platform: Platform, version: Registered, tmp_path: Path
) -> None:
    done = _predict(platform, tmp_path, f"models:/{version.name}@1.0.0", _payload())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"predictions": _expected(platform, version)}


def test_an_unknown_version_is_told_which_there_are(
    platform: Platform, version: Registered, tmp_path: Path
) -> None:
    done = _predict(platform, tmp_path, f"models:/{version.name}/9.9.9", _payload())
    assert done.returncode != 0
    assert f"{version.name} has no version 9.9.9: it has 1.0.0" in done.stderr


def _expected(platform: Platform, version: Registered) -> list[int]:
    """Predict in this process, from the files that were registered."""
    import mlflow

    files = next((platform.root / "artifacts").rglob(f"{version.run_id}/artifacts/model"))
    rows = dataset()
    head = rows.holdout[list(rows.features)].head(ROWS).astype(float)
    return [int(value) for value in mlflow.sklearn.load_model(str(files)).predict(head)]
