"""The CI recipes of the documentation, run by a shell against a platform that checks tokens."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from pipelines.steps.models import Recipe
from tests.support import roles
from tests.support.credit import Registered, register, unique
from tests.support.platform import Platform, started

PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "ask-from-ci.md"
GITHUB, GITLAB = (
    yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
)
RECOVER = ("--recover", "nobody else is there")

Steps = list[tuple[str, ...]]


def of_github() -> Steps:
    """Return each step as GitHub's runner starts it."""
    return [("bash", "-e", "-c", step["run"]) for step in GITHUB["jobs"]["promote"]["steps"]]


def of_gitlab() -> Steps:
    """Return the script as GitLab's runner starts it: all lines in one shell."""
    return [("sh", "-e", "-c", "\n".join(GITLAB["promote"]["script"]))]


RECIPES = pytest.mark.parametrize("steps", [of_github(), of_gitlab()], ids=["github", "gitlab"])


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    root = tmp_path_factory.mktemp("ci")
    with started(root, approvals=1, ACGS_IDENTITY="service-token") as up:
        file = roles.written(root, roles.EVERYTHING_TO_EVERYBODY)
        up.acgs("access", "adopt", str(file), *RECOVER, check=True)
        yield up


def token(platform: Platform, service: str, *verbs: str) -> str:
    asked = [part for verb in verbs for part in ("--verb", verb)]
    done = platform.acgs(
        "token", "create", service, "--name", "credit*", *asked, *RECOVER, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def version(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Registered:
    return registered(platform, monkeypatch, Recipe.BASELINE)


def registered(platform: Platform, monkeypatch: pytest.MonkeyPatch, recipe: Recipe) -> Registered:
    training = token(platform, "training", "read", "log", "register", "describe")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", training)
    return register(platform, unique("credit-ci"), recipe)


def asks(
    steps: Steps, platform: Platform, folder: Path, version: Registered, stage: str, **more: str
) -> tuple[bool, str]:
    """Run the steps until one fails; return whether the job is green, and its log."""
    given = {
        "PATH": os.environ["PATH"],
        "MLFLOW_TRACKING_URI": platform.url,
        "MODEL": version.name,
        "VERSION": str(version.number),
        "STAGE": stage,
        "no_proxy": "127.0.0.1",
        **more,
    }
    log = ""
    for step in steps:
        done = subprocess.run(
            step, cwd=folder, env=given, capture_output=True, text=True, timeout=120, check=False
        )
        log += done.stdout + done.stderr
        if done.returncode != 0:
            return False, log
    return True, log


@RECIPES
def test_a_granted_request_is_green(
    steps: Steps, platform: Platform, version: Registered, tmp_path: Path
) -> None:
    ci = token(platform, "ci", "read", "ask")
    green, log = asks(steps, platform, tmp_path, version, "Staging", MLFLOW_TRACKING_TOKEN=ci)
    assert green, log
    assert "true" in log.split()


@RECIPES
def test_a_refused_request_is_red_and_says_why(
    steps: Steps, platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    version = registered(platform, monkeypatch, Recipe.BIASED)
    ci = token(platform, "ci", "read", "ask")
    green, log = asks(steps, platform, tmp_path, version, "Production", MLFLOW_TRACKING_TOKEN=ci)
    assert not green
    assert "refused" in log


@RECIPES
def test_a_pending_request_is_red_until_it_was_approved(
    steps: Steps,
    platform: Platform,
    version: Registered,
    tmp_path: Path,
) -> None:
    ci = token(platform, "ci", "read", "ask")
    given: dict[str, Any] = {"MLFLOW_TRACKING_TOKEN": ci}
    green, log = asks(steps, platform, tmp_path, version, "Production", **given)
    assert not green
    found = re.search(r"request (\d+)", log)
    assert found, log
    answer = httpx.post(
        f"{platform.url}/acgs/api/v1/operations/registry/approve",
        headers={"authorization": f"Bearer {token(platform, 'lead', 'read', 'approve')}"},
        json={"id": int(found[1]), "comment": ""},
        trust_env=False,
        timeout=60,
    )
    assert answer.is_success, answer.text
    green, log = asks(steps, platform, tmp_path, version, "Production", **given)
    assert green, log


@RECIPES
def test_a_token_that_may_not_ask_and_a_server_that_is_down_are_red(
    steps: Steps, platform: Platform, version: Registered, tmp_path: Path
) -> None:
    reader = token(platform, "reader", "read")
    green, log = asks(steps, platform, tmp_path, version, "Staging", MLFLOW_TRACKING_TOKEN=reader)
    assert not green
    assert "expected a service token that covers ask" in log
    down = {"MLFLOW_TRACKING_TOKEN": reader, "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    assert not asks(steps, platform, tmp_path, version, "Staging", **down)[0]
