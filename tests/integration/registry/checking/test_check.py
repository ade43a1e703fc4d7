"""Damage done past the gate is found, mended step by step, and found no more."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from infra.console.cli import acgs
from infra.errors import UnavailableError
from registry.domain.findings import Finding
from registry.errors import UnknownVersionError
from tests.integration.registry import shelf as kit
from tests.integration.registry.shelf import GROWN, NAME, Shelf
from tests.ports import free_ports

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(tmp_path))
    shelf = kit.opened(tmp_path)
    for inputs in (kit.SMALL, GROWN, GROWN):
        shelf.register(inputs)
    shelf.store.transition_model_version_stage(NAME, 2, "Production", True)
    shelf.store.transition_model_version_stage(NAME, 3, "Staging", False)
    return shelf


def run(*arguments: str) -> Result:
    return CliRunner().invoke(acgs, ["version", *arguments])


def damage(shelf: Shelf, *statements: str) -> None:
    with shelf.store.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


DAMAGE = {
    "stage.not_granted": "UPDATE model_versions SET current_stage = 'Production' WHERE version = 1",
    "alias.not_granted": "UPDATE registered_model_aliases SET version = 1",
    "record.missing": "DELETE FROM acgs_version WHERE version = 1",
    "record.orphan": "UPDATE model_versions SET current_stage = 'Deleted_Internal' "
    "WHERE version = 1",
    "record.other_version": "UPDATE model_versions SET creation_time = 5 WHERE version = 1",
    "semver.parts": "UPDATE acgs_version SET minor = 7 WHERE version = 2",
    "stage.yanked": "UPDATE acgs_version SET standing = 'yanked' WHERE version = 3",
    "stage.of_deleted": "UPDATE acgs_version SET deleted_ms = 5 WHERE version = 3",
}


def test_nothing_is_found_where_everything_passed_the_gate(shelf: Shelf) -> None:
    done = run("check")
    assert (done.exit_code, done.stdout) == (0, "nothing found\n")


@pytest.mark.parametrize("rule", DAMAGE)
def test_damage_is_found_and_mended(shelf: Shelf, rule: str) -> None:
    damage(shelf, DAMAGE[rule])
    checked = run("check", NAME, "--json")
    assert checked.exit_code == 1
    assert rule in {found["rule"] for found in json.loads(checked.stdout)}
    planned = run("resolve", "--dry-run", "--json")
    assert planned.exit_code == 0
    assert run("check").exit_code == 1, "a dry run changes nothing"

    resolved = run("resolve", "--json")
    told: dict[str, list[dict[str, Any]]] = json.loads(resolved.stdout)
    assert rule in {found["rule"] for found in told["done"]}
    assert [found["rule"] for found in told["left"] if found["severity"] == "error"] == []
    again = json.loads(run("resolve", "--json").stdout)
    assert again["done"] == []
    trail = [
        e.data["rule"] for e in shelf.store.registry.audit.events(name=NAME) if "resolved" in e.type
    ]
    assert trail == [found["rule"] for found in told["done"]]


TOGETHER = list(combinations(sorted({*DAMAGE} - {"semver.parts", "stage.of_deleted"}), 2))


@pytest.mark.parametrize("rules", TOGETHER, ids=" and ".join)
def test_a_dry_run_lists_exactly_what_is_done(shelf: Shelf, rules: tuple[str, ...]) -> None:
    damage(shelf, *(DAMAGE[rule] for rule in rules))
    planned = json.loads(run("resolve", "--dry-run", "--json").stdout)
    done = json.loads(run("resolve", "--json").stdout)["done"]
    assert [summed_up(finding) for finding in planned] == [summed_up(finding) for finding in done]
    assert json.loads(run("resolve", "--dry-run", "--json").stdout) == []


def test_what_one_step_mends_for_two_findings_is_planned_once(shelf: Shelf) -> None:
    yanked_beside_the_champion = (
        "UPDATE model_versions SET current_stage = 'Production' WHERE version = 3",
        "UPDATE acgs_tenure SET slot = 'Production' WHERE slot = 'Staging'",
        "UPDATE acgs_version SET standing = 'yanked' WHERE version = 3",
    )
    damage(shelf, *yanked_beside_the_champion)
    found = {f["rule"] for f in json.loads(run("check", "--json").stdout)}
    assert found == {"stage.yanked", "stage.two_in_production"}
    (planned,) = json.loads(run("resolve", "--dry-run", "--json").stdout)
    assert planned["rule"] == "stage.yanked"
    assert run("resolve").stdout.count("done: ") == 1


def summed_up(finding: dict[str, Any]) -> tuple[object, ...]:
    """Leave out the record's identity and number, which nobody knows before it is made."""
    step = finding["step"]
    return finding["rule"], finding["version"], step["action"], step["number"], step["value"]


def test_a_step_that_somebody_else_carried_out_is_not_done_twice(shelf: Shelf) -> None:
    damage(shelf, DAMAGE["stage.not_granted"])
    registry = shelf.store.registry
    findings: list[Finding] = [f for f in registry.checking.check_versions(NAME) if f.step][:1]
    assert [registry.checking.resolve_finding(f, "ann@cli", NOW) for f in findings] == [True]
    assert [registry.checking.resolve_finding(f, "bob@cli", NOW) for f in findings] == [False]


def test_an_unknown_model_is_a_usage_error(shelf: Shelf) -> None:
    assert isinstance(run("check", "nobody").exception, UnknownVersionError)


def test_two_versions_are_compared_and_told_apart(shelf: Shelf) -> None:
    told = run("compare", f"{NAME}@1.0.0", f"{NAME}@1.1.0")
    assert told.stdout.splitlines() == [
        f"{NAME} 1.0.0 < {NAME} 1.1.0: minor",
        "  optional input b added",
    ]
    lines = run("diff", f"{NAME}@1.0.0", f"{NAME}@1.1.0").stdout.splitlines()
    assert "signatures" in lines
    assert any("input b" in line and "- -> double at 1, optional" in line for line in lines)
    assert any("MLmodel" in line for line in lines)
    view = json.loads(run("diff", f"{NAME}@1.0.0", f"{NAME}@1.1.0", "--json").stdout)
    assert {line["part"] for line in view["lines"]} == {"fact", "signature", "file"}
    assert run("diff", f"{NAME}@1.0.0", f"{NAME}@1.0.0").stdout.splitlines()[-1] == "no difference"


def test_what_owners_say_is_shown_and_warned_about(shelf: Shelf) -> None:
    assert run("deprecate", f"{NAME}@1.0.0", "--reason", "too old", "--dry-run").exit_code == 0
    assert "active" in run("list", NAME, "--json").stdout
    assert run("list", NAME, "--before", "1").stdout == "no versions\n"
    done = run("deprecate", f"{NAME}@1.0.0", "--reason", "too old")
    assert done.stdout == f"{NAME} 1.0.0 (version 1) is deprecated\n"
    listed = json.loads(run("list", NAME, "--json").stdout)
    assert [v["standing"] for v in listed] == ["active", "active", "deprecated"]
    shown = run("show", f"{NAME}@1.0.0")
    assert "is deprecated: too old" in shown.stderr
    paged = json.loads(run("list", NAME, "--limit", "1", "--before", "2", "--json").stdout)
    assert [v["semver"] for v in paged] == ["1.0.0"]


def test_a_release_without_its_server_says_so(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = shelf.register(version_prerelease="rc")
    monkeypatch.setenv("ACGS_REGISTRY_PORT", str(free_ports(1)[0]))
    assert run("release", f"{NAME}@{candidate.semver}", "--dry-run").exit_code == 0
    away = run("release", f"{NAME}@{candidate.semver}").exception
    assert isinstance(away, UnavailableError)
    assert "acgs status" in str(away)
