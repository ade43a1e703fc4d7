"""The gate holds whoever asks: raw REST, an in-process client, the CLI."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from typing import Any

import httpx
import psutil
import pytest

from pipelines.steps.models import Recipe
from registry.settings import registry_uri
from tests.support.credit import register, unique
from tests.support.platform import Platform


def post(
    platform: Platform, path: str, body: dict[str, Any], prefix: str = "api"
) -> httpx.Response:
    url = f"{platform.url}/{prefix}/2.0/mlflow/{path}"
    return httpx.post(url, json=body, timeout=60, trust_env=False)


@pytest.mark.parametrize("prefix", ["api", "ajax-api"])
def test_raw_rest_is_refused_before_and_allowed_after(platform: Platform, prefix: str) -> None:
    name = unique("credit")
    bad = register(platform, name, Recipe.BIASED)
    good = register(platform, name)
    body = {"name": name, "stage": "Production", "archive_existing_versions": True}
    path = "model-versions/transition-stage"
    refused = post(platform, path, {**body, "version": str(bad.number)}, prefix)
    assert refused.status_code == 403
    assert refused.json()["error_code"] == "PERMISSION_DENIED"
    assert "fairness" in refused.json()["message"]
    allowed = post(platform, path, {**body, "version": str(good.number)}, prefix)
    assert allowed.status_code == 200
    assert allowed.json()["model_version"]["current_stage"] == "Production"


def test_asking_twice_at_once_is_one_request(platform: Platform) -> None:
    name = unique("credit")
    version = register(platform, name)
    answers: list[str] = []

    def ask() -> None:
        answers.append(platform.stage(name, version.number, "Production").current_stage)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["Production"] * 4
    assert len(platform.json("request", "list", "--name", name)) == 1


def test_the_command_line_asks_like_everybody(platform: Platform) -> None:
    name = unique("credit")
    register(platform, name, Recipe.BIASED)
    register(platform, name)
    refused = platform.acgs("promote", f"{name}@1.0.0")
    assert refused.returncode == 1
    assert "fairness" in refused.stderr
    allowed = platform.acgs("promote", f"{name}@1.0.1")
    assert allowed.returncode == 0, allowed.stderr
    assert platform.json("model", "list")
    shown = platform.json("model", "show", f"{name}@champion")
    assert shown["semver"] == "1.0.1"
    assert shown["stage"] == "Production"


IN_PROCESS = """
    import sys, warnings
    warnings.simplefilter("ignore")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    client = MlflowClient({tracking!r}, {registry!r})
    for number in {numbers}:
        try:
            moved = client.transition_model_version_stage({name!r}, str(number), "Production")
            print(moved.current_stage)
        except MlflowException as err:
            print(err.error_code, err.message.replace("\\n", " "))
"""


def in_process(platform: Platform, name: str, *numbers: int) -> list[str]:
    """Transition from a client that opens the registry's database itself; a line for each."""
    code = textwrap.dedent(IN_PROCESS).format(
        tracking=platform.url,
        registry=registry_uri(platform.settings),
        name=name,
        numbers=numbers,
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=dict(platform.environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.splitlines()


def test_an_in_process_client_is_refused_before_and_allowed_after(platform: Platform) -> None:
    name = unique("credit")
    bad = register(platform, name, Recipe.BIASED)
    good = register(platform, name)
    refused, allowed = in_process(platform, name, bad.number, good.number)
    assert "PERMISSION_DENIED" in refused
    assert "fairness" in refused
    assert allowed == "Production"


# One pair is enough: it is about the server's threads, and fifty versions take their time.
@pytest.mark.parametrize("platform", ["sqlite+folder"], indirect=True)
def test_fifty_callers_that_wait_slow_nobody_down(platform: Platform) -> None:
    name = unique("credit")
    client = platform.client()
    first = register(platform, name)
    numbers = [first.number]
    for _ in range(49):  # of the same files, so that one score answers all
        made = client.create_model_version(name, first.source, run_id=first.run_id)
        numbers.append(int(made.version))
    scorer = psutil.Process(platform.pids()["compliance"])
    ended = threading.Semaphore(0)
    answers: list[str] = []

    def ask(number: int) -> None:
        body = {"name": name, "version": str(number), "stage": "Staging"}
        answer = post(platform, "model-versions/transition-stage", body)
        answers.append(answer.text)
        ended.release()

    threads = [threading.Thread(target=ask, args=(number,)) for number in numbers]
    scorer.suspend()
    try:
        for thread in threads:
            thread.start()
        while len(platform.json("request", "list", "--name", name, "--open")) < 50:
            assert not ended.acquire(blocking=False), answers
        # Everybody waits; reading and writing go on, and nobody's wait ends meanwhile.
        for number in numbers[:10]:
            assert client.get_model_version(name, str(number)).current_stage == "None"
        client.set_registered_model_tag(name, "owner", "risk")
        assert not ended.acquire(blocking=False), answers
    finally:
        scorer.resume()
    for thread in threads:
        thread.join()
    stages = [r["state"] for r in platform.json("request", "list", "--name", name)]
    assert len(stages) == 50
    assert set(stages) <= {"granted", "open"}
