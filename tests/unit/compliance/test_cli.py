from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from compliance.component import component
from compliance.errors import ConstitutionError
from infra.console.lazy import load
from infra.errors import UsageError, exit_code
from tests.unit.compliance.kit import BUNDLED

COMMANDS = {entry.name: load(entry) for entry in component.commands}


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(tmp_path / "root"))
    return tmp_path


def acgs(group: str, *arguments: str) -> Result:
    return CliRunner().invoke(COMMANDS[group], arguments)


def test_every_command_and_option_has_help() -> None:
    for group in COMMANDS.values():
        for command in (group, *getattr(group, "commands", {}).values()):
            assert command.help
            assert all(p.help for p in command.params if p.param_type_name == "option")


def test_the_constitution_in_force_is_shown_and_checked() -> None:
    shown = json.loads(acgs("constitution", "show", "--json").stdout)
    assert shown["metadata"]["constitutional_hash"] == "cdd01ef066bc6cf2"
    assert shown["digest"] in acgs("constitution", "check").stdout


def test_a_dry_run_locks_nothing_and_a_lock_locks(root: Path) -> None:
    document = root / "mine.yaml"
    document.write_text(BUNDLED.read_text())
    lock = root / "constitution.lock.json"
    assert "would lock" in acgs("constitution", "lock", str(document), "--dry-run").stdout
    assert not lock.exists()
    assert acgs("constitution", "lock", str(document)).exit_code == 0
    assert json.loads(lock.read_text())["constitutional_hash"] == "cdd01ef066bc6cf2"


def test_an_invalid_document_is_an_error_that_says_where(root: Path) -> None:
    document = root / "mine.yaml"
    document.write_text(BUNDLED.read_text().replace("min_score: 0.95", "min_score: 1.95"))
    result = acgs("constitution", "check", str(document))
    assert isinstance(result.exception, ConstitutionError)
    assert "stages.Production.min_score" in str(result.exception)


def test_evidence_is_added_listed_and_checked(root: Path) -> None:
    pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]}).to_csv(root / "holdout.csv", index=False)
    added = acgs(
        "evidence", "add", "house*", "--dataset", str(root / "holdout.csv"),
        "--task", "regression", "--label", "y",
    )  # fmt: skip
    assert added.exit_code == 0, added.output
    (binding,) = json.loads(acgs("evidence", "list", "--json").stdout)
    assert (binding["pattern"], binding["task"]) == ("house*", "regression")
    checked = acgs("evidence", "check")
    assert "2 rows, as pinned" in checked.stdout
    assert checked.stderr == "1 binding\n"


@pytest.mark.parametrize("verb", ["check", "lock"])
def test_a_document_that_the_settings_do_not_name_is_refused(root: Path, verb: str) -> None:
    document = root / "mine.yaml"
    document.write_text(BUNDLED.read_text().replace("cdd01ef066bc6cf2", "0123456789abcdef"))
    result = acgs("constitution", verb, str(document))
    assert isinstance(result.exception, ConstitutionError)
    assert "expected cdd01ef066bc6cf2" in result.exception.message
    assert "found 0123456789abcdef" in result.exception.message
    assert "CONSTITUTIONAL_HASH must name it" in (result.exception.hint or "")
    assert not (root / "constitution.lock.json").exists()


def test_a_document_that_the_settings_name_is_locked(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSTITUTIONAL_HASH", "0123456789abcdef")
    document = root / "mine.yaml"
    document.write_text(BUNDLED.read_text().replace("cdd01ef066bc6cf2", "0123456789abcdef"))
    assert acgs("constitution", "lock", str(document)).exit_code == 0
    assert (root / "constitution.lock.json").exists()


def test_evidence_that_cannot_be_bound_is_wrong_usage(root: Path) -> None:
    holdout = root / "holdout.csv"
    pd.DataFrame({"x": [1.0], "y": [3.0]}).to_csv(holdout, index=False)
    task = ("--task", "regression")
    missing = acgs(
        "evidence", "add", "a", "--dataset", str(root / "none.csv"), "--label", "y", *task
    )
    assert missing.exit_code == 2
    assert "does not exist" in missing.stderr
    for pattern, label, told in (
        ("a", "z", "expected the columns z"),
        ("credit[", "y", "expected a ']' after every '['"),
    ):
        wrong = acgs("evidence", "add", pattern, "--dataset", str(holdout), "--label", label, *task)
        assert isinstance(wrong.exception, UsageError)
        assert exit_code(wrong.exception) == 2
        assert told in wrong.exception.message
    assert json.loads(acgs("evidence", "list", "--json").stdout) == []
