from __future__ import annotations

import contextlib
import http.client
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from infra.settings import Settings
from serving.engines.local.environment import ServingEnvironmentError, serving_python
from serving.settings import ServingSettings
from tests.integration.serving import models
from tests.support.runtime import Runtime, running, spawn, wait_ready


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("process") / "model"
    models.save_awkward(path)
    return path


@pytest.fixture(scope="module")
def shared(awkward: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A server for tests that leave it as it was."""
    with running(awkward, tmp_path_factory.mktemp("shared")) as runtime:
        yield runtime


def slow(runtime: Runtime, seconds: float) -> httpx.Response:
    return runtime.predict({"ndarray": [[10 + seconds]]})


def test_the_event_loop_answers_while_the_model_works(shared: Runtime) -> None:
    with ThreadPoolExecutor() as pool:
        prediction = pool.submit(slow, shared, 2.0)
        time.sleep(0.3)
        started = time.monotonic()
        assert shared.http.get("/ready").status_code == 200
        assert time.monotonic() - started < 1.0
        assert not prediction.done()
        assert prediction.result().status_code == 200


def test_sigterm_lets_a_request_in_flight_finish_and_ends_with_zero(
    awkward: Path, tmp_path: Path
) -> None:
    with running(awkward, tmp_path) as runtime, ThreadPoolExecutor() as pool:
        prediction = pool.submit(slow, runtime, 1.5)
        time.sleep(0.3)
        runtime.process.send_signal(signal.SIGTERM)
        assert prediction.result().json()["data"]["ndarray"] == ["fine"]
        assert runtime.process.wait(5) == 0


def test_sigterm_ends_a_server_whose_model_hangs(awkward: Path, tmp_path: Path) -> None:
    with running(awkward, tmp_path) as runtime:
        hanging = threading.Thread(target=_ignoring_errors, args=(runtime, 60.0))
        hanging.start()
        time.sleep(0.3)
        started = time.monotonic()
        runtime.process.send_signal(signal.SIGTERM)
        assert runtime.process.wait(10) == 0
        assert time.monotonic() - started < 7
        hanging.join()


def test_a_stuck_prediction_makes_the_server_unready_but_alive(
    awkward: Path, tmp_path: Path
) -> None:
    arguments = ["--stuck-after-seconds", "1"]
    with running(awkward, tmp_path, arguments) as runtime, ThreadPoolExecutor() as pool:
        prediction = pool.submit(slow, runtime, 2.5)
        time.sleep(1.5)
        unready = [runtime.http.get(path).status_code for path in ("/ready", "/v2/health/ready")]
        assert unready == [503, 503]
        assert runtime.http.get("/live").status_code == 200
        assert prediction.result().status_code == 200
        assert runtime.http.get("/ready").status_code == 200


def test_sigkill_leaves_no_process_behind(awkward: Path, tmp_path: Path) -> None:
    with running(awkward, tmp_path) as runtime:
        assert psutil.Process(runtime.process.pid).children(recursive=True) == []
        runtime.process.kill()
        assert runtime.process.wait(5) == -signal.SIGKILL
        with pytest.raises(httpx.ConnectError):
            runtime.http.get("/live")


def test_an_idle_connection_is_the_clients_to_close(shared: Runtime) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=30)
    with contextlib.closing(connection):
        for pause_seconds in (6, 0):  # uvicorn's own limit is 5 s
            # http.client raises RemoteDisconnected where the server has hung up.
            connection.request("GET", "/live")
            assert connection.getresponse().read() == b"live"
            time.sleep(pause_seconds)


def test_it_listens_on_loopback_alone(shared: Runtime) -> None:
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(shared.process.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


def test_small_answers_are_not_delayed_by_nagle(shared: Runtime) -> None:
    seconds = []
    for _ in range(30):
        started = time.perf_counter()
        shared.predict({"ndarray": [[0.0]]})
        seconds.append(time.perf_counter() - started)
    assert sorted(seconds)[15] < 0.035


def test_a_taken_port_is_told_before_the_model_is_loaded(awkward: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = spawn(awkward, tmp_path, ["--port", port])
        assert process.wait(60) == 3
    log = (tmp_path / "log").read_text()
    assert f"cannot listen on 127.0.0.1:{port}" in log
    assert "Traceback" not in log


def test_a_stale_ready_file_is_not_believed(awkward: Path, tmp_path: Path) -> None:
    (tmp_path / "ready.json").write_text('{"pid": 1, "port": 1}')
    process = spawn(awkward, tmp_path)
    try:
        deadline = time.monotonic() + 60
        while '"port": 1}' in _read(tmp_path / "ready.json") and time.monotonic() < deadline:
            time.sleep(0.01)
        assert wait_ready(process, tmp_path) > 1
    finally:
        process.kill()
        process.wait()


def test_a_model_that_does_not_load_ends_with_one_and_the_reason(
    awkward: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    subprocess.run(["cp", "-r", str(awkward), str(broken)], check=True)
    (broken / "python_model.pkl").write_bytes(b"not a pickle")
    process = spawn(broken, tmp_path)
    assert process.wait(60) == 1
    assert f"cannot load the model in {broken}" in (tmp_path / "log").read_text()
    assert not (tmp_path / "ready.json").exists()


def test_a_folder_without_a_model_is_wrong_usage(tmp_path: Path) -> None:
    process = spawn(tmp_path / "nothing", tmp_path)
    assert process.wait(60) == 2
    assert "expected a folder with an MLmodel file" in (tmp_path / "log").read_text()


def test_a_missing_environment_names_the_setting_and_the_way_out(tmp_path: Path) -> None:
    settings = Settings().having(ServingSettings(python=tmp_path / "python"))
    with pytest.raises(ServingEnvironmentError, match="make setup") as caught:
        serving_python(settings)
    assert str(tmp_path / "python") in caught.value.message


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _ignoring_errors(runtime: Runtime, seconds: float) -> None:
    with contextlib.suppress(httpx.HTTPError):
        slow(runtime, seconds)
