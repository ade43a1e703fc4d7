"""The commands of serving, on a real registry; no deployer runs, so nothing moves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from sqlalchemy import insert

from infra.clock import utc_now
from infra.console.lazy import load
from infra.errors import NotFoundError, PlatformError, RefusedError, UsageError, exit_code
from infra.stores.db import transaction
from registry.adapters import mlflow_tables as mlflow
from registry.bootstrap import open_registry
from registry.domain.values import CHAMPION
from serving.component import component
from serving.domain.state import RolloutState
from tests.integration.serving.kit import NAME, Platform, make_settings

COMMANDS = {entry.name: load(entry) for entry in component.commands}


@pytest.fixture
def still(tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """A registry without gateway."""
    shutil.copy(template, tmp_path / "registry.db")
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(tmp_path))
    settings = make_settings(tmp_path)
    registry = open_registry(settings)
    yield Platform(settings, registry)
    registry.engine.dispose()


def acgs(*words: str) -> Result:
    found = CliRunner().invoke(COMMANDS[words[0]], words[1:])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def as_json(*words: str) -> Any:
    return json.loads(acgs(*words, "--json").stdout)


def test_an_endpoint_is_created_with_its_plan_and_shown(still: Platform, tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text("checks: {alpha: 0.1}")
    made = as_json("endpoint", "create", NAME, "--plan", str(file), "--steps", "5:2,100:2")
    assert [s["weight_percent"] for s in made["plan"]["steps"]] == [5, 100]
    assert made["plan"]["checks"]["alpha"] == 0.1
    assert as_json("endpoint", "list") == [made]
    assert as_json("endpoint", "show", NAME) == made
    assert made["url"].endswith(f"/seldon/acgs/{NAME}/api/v1.0/predictions")
    assert "serves nothing" in acgs("endpoint", "show", NAME).stdout


def test_an_endpoint_for_a_model_that_does_not_exist_yet_says_that_it_waits(
    still: Platform,
) -> None:
    made = acgs("endpoint", "create", NAME)
    assert f"no model {NAME} is registered" in made.stderr
    assert "waits for its first version in Production" in made.stderr
    still.register()
    assert acgs("endpoint", "create", NAME).stderr == ""


def test_a_dry_run_changes_nothing(still: Platform) -> None:
    told = acgs("endpoint", "create", NAME, "--dry-run").stdout
    assert told.startswith(f"would create endpoint {NAME}\n")
    assert as_json("endpoint", "list") == []


def test_a_dry_run_says_that_the_endpoint_exists_and_what_would_change(still: Platform) -> None:
    acgs("endpoint", "create", NAME, "--hold-seconds", "5")
    before = as_json("endpoint", "list")
    told = acgs("endpoint", "create", NAME, "--dry-run").stdout
    assert told.startswith(
        f"endpoint {NAME} exists: would change its namespace and its next rollout's plan\n"
    )
    assert as_json("endpoint", "list") == before


def test_a_dry_run_refuses_a_quarantined_champion_as_the_command_itself_does(
    still: Platform,
) -> None:
    champion = still.register()
    with transaction(still.registry.engine) as connection:
        connection.execute(
            insert(mlflow.aliases).values(
                workspace=mlflow.WORKSPACE, name=NAME, alias=CHAMPION, version=champion.version
            )
        )
    still.registry.custody.quarantine(champion, "the bytes differ", "tester", utc_now())
    for more in ([], ["--dry-run"]):
        with pytest.raises(RefusedError, match="cannot be deployed"):
            acgs("endpoint", "create", NAME, *more)
    assert as_json("endpoint", "list") == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--steps", "50,10,100"], "strictly increasing"),
        (["--steps", "10,50"], "a last weight of 100"),
        (["--namespace", "No Such"], "a DNS label"),
        (["--strategy", "immediate", "--steps", "10,100"], "one step of 100 for immediate"),
        (["--steps", "ten"], "whole percents"),
        (["--plan", "/nowhere/plan.yaml"], "a readable YAML file"),
    ],
)
def test_a_wrong_plan_is_a_usage_error(still: Platform, words: list[str], said: str) -> None:
    with pytest.raises(UsageError, match="expected") as refused:
        acgs("endpoint", "create", NAME, *words)
    assert said in refused.value.message
    assert exit_code(refused.value) == 2
    assert still.registry.endpoints.endpoints() == []


def test_what_is_not_there_is_said_to_be_not_there(still: Platform) -> None:
    for words in (
        ["endpoint", "show", NAME],
        ["rollout", "show", NAME],
        ["rollout", "show", "7"],
        ["rollout", "list", NAME],
        ["seldon", "render", NAME],
        ["rollback", NAME, "--reason", "because"],
    ):
        with pytest.raises(PlatformError, match="found none") as refused:
            acgs(*words)
        assert exit_code(refused.value) == 2
    acgs("endpoint", "create", NAME)
    assert as_json("rollout", "list", NAME) == []
    with pytest.raises(NotFoundError, match="expected a rollout of credit"):
        acgs("rollout", "show", NAME)
    with pytest.raises(RefusedError, match="serves nothing yet"):
        acgs("seldon", "render", NAME)


def test_a_rollout_is_shown_told_and_rendered(still: Platform) -> None:
    acgs("endpoint", "create", NAME)
    version = still.register()
    rollout = still.roll_out(version)
    shown = as_json("rollout", "show", NAME)
    assert (shown["id"], shown["phase"]) == (rollout.id, "pending")
    assert [row["id"] for row in as_json("rollout", "list")] == [rollout.id]
    document = yaml.safe_load(acgs("seldon", "render", NAME).stdout)
    assert document["kind"] == "SeldonDeployment"
    assert document["spec"]["predictors"][0]["annotations"]["acgs.mlops/version-uid"] == version.uid
    acgs("rollout", "abort", NAME, "--dry-run")
    assert RolloutState.read(still.registry.rollouts.rollout(rollout.id).state).order is None
    acgs("rollout", "abort", str(rollout.id), "--reason", "wrong data")
    assert RolloutState.read(still.registry.rollouts.rollout(rollout.id).state).order == "abort"
    with pytest.raises(RefusedError, match="cannot resume"):
        acgs("rollout", "resume", NAME)


def test_watching_a_rollout_that_was_rolled_back_exits_as_refused(still: Platform) -> None:
    acgs("endpoint", "create", NAME)
    rollout = still.roll_out(still.register())
    still.registry.rollouts.fail_rollout(rollout.id, [], utc_now())
    with pytest.raises(RefusedError, match="was rolled back"):
        acgs("rollout", "watch", NAME)


def test_watching_gives_up_when_told_to(still: Platform) -> None:
    acgs("endpoint", "create", NAME)
    still.roll_out(still.register())
    assert acgs("rollout", "watch", NAME, "--timeout-seconds", "0.1").exit_code == 3


def test_a_rollback_says_where_it_leads_and_what_it_passed_over(still: Platform) -> None:
    acgs("endpoint", "create", NAME)
    first, second, _ = versions = [still.register(), still.register(), still.register()]
    for version in versions:
        still.registry.rollouts.complete_rollout(still.roll_out(version).id, utc_now())
    because = ("rollback", NAME, "--reason", "complaints")
    assert acgs(*because, "--dry-run").stderr == f"would roll {NAME} back to {second.semver}\n"
    still.registry.custody.quarantine(second, "MLmodel: missing", "acgs", utc_now())
    assert acgs(*because, "--dry-run").stderr == f"would roll {NAME} back to {first.semver}\n"
    said = acgs(*because).stderr
    assert f"passed over {second.semver}: quarantined: MLmodel: missing\n" in said
    assert f"rollback to {first.semver} under way as rollout 4" in said
    assert "already under way as rollout 4" in acgs(*because).stderr
    assert "already as rollout 4" in acgs(*because, "--dry-run").stderr


def test_a_dry_run_of_a_rollback_refuses_what_the_rollback_would_refuse(still: Platform) -> None:
    acgs("endpoint", "create", NAME)
    first, second = still.register(), still.register()
    for version in (first, second):
        still.registry.rollouts.complete_rollout(still.roll_out(version).id, utc_now())
    (Path(first.source) / "behaviour.json").unlink()
    (Path(first.source) / "other.json").write_text("{}")
    for words in (["--dry-run"], []):
        with pytest.raises(RefusedError, match=r"behaviour\.json: missing; other\.json: added"):
            acgs("rollback", NAME, "--reason", "complaints", *words)
    assert still.registry.rollouts.active_rollouts() == []
