from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from compliance.constitution import constitution_file
from compliance.errors import ConstitutionError
from compliance.settings import ComplianceSettings
from infra.settings import Group, Settings
from registry.domain.values import Enforcement, Stage
from registry.governance.adapters import governance_file
from registry.settings import RegistrySettings
from tests.unit.compliance.kit import BUNDLED


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A copy of the shipped constitution with its lock."""
    for name in (governance_file.DOCUMENT, governance_file.LOCK):
        shutil.copy(BUNDLED.with_name(name), tmp_path)
    return tmp_path / governance_file.DOCUMENT


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = yaml.safe_load(path.read_text())
    change(document)
    path.write_text(yaml.safe_dump(document))


def settings(path: Path, *more: Group) -> Settings:
    return Settings(storage_root=path.parent).having(RegistrySettings(constitution=path), *more)


def test_the_shipped_constitution_is_valid_and_locked(tmp_path: Path) -> None:
    policy = constitution_file.load(Settings(storage_root=tmp_path))
    assert policy.constitution.metadata.constitutional_hash == "cdd01ef066bc6cf2"
    assert policy.min_score(Stage.PRODUCTION) == 0.95
    assert policy.min_score(Stage.STAGING) == 0.80
    assert policy.constitution.enforcement("Credit") is Enforcement.ENFORCE


def test_the_setting_raises_the_bar_and_never_lowers_it(own: Path) -> None:
    raised = constitution_file.load(settings(own, ComplianceSettings(target=0.99)))
    lowered = constitution_file.load(settings(own, ComplianceSettings(target=0.10)))
    assert raised.min_score(Stage.PRODUCTION) == 0.99
    assert lowered.min_score(Stage.PRODUCTION) == 0.95
    assert raised.min_score(Stage.STAGING) == 0.80


def test_a_changed_document_under_a_locked_identifier_is_refused(own: Path) -> None:
    rewrite(own, lambda d: d["stages"]["Production"].update(min_score=0.5))
    with pytest.raises(governance_file.ConstitutionError, match="changed under a locked"):
        constitution_file.load(settings(own))


def test_locking_the_changed_document_makes_it_the_law(own: Path) -> None:
    rewrite(own, lambda d: d["stages"]["Production"].update(approvals=1))
    constitution_file.write_lock(own)
    policy = constitution_file.load(settings(own))
    assert policy.constitution.bar(Stage.PRODUCTION).approvals == 1


def test_a_stage_may_say_which_roles_must_approve(own: Path) -> None:
    asked = {"technical-lead": 1, "security": 2}
    rewrite(own, lambda d: d["stages"]["Production"].update(approvals=asked))
    constitution_file.write_lock(own)
    bar = constitution_file.load(settings(own)).constitution.bar(Stage.PRODUCTION)
    assert bar.approvals_needed == 3
    assert bar.rules.seats() == ("security", "security", "technical-lead")


def test_another_identifier_in_the_environment_is_refused(own: Path) -> None:
    other = RegistrySettings(constitution=own, constitutional_hash="0000000000000000")
    with pytest.raises(governance_file.ConstitutionError, match="0000000000000000"):
        constitution_file.load(settings(own, other))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda d: d["principles"][0].update(wieght=0.25),
            r"principles\[0\]\.wieght: unknown key 'wieght', did you mean 'weight'\?",
        ),
        (
            lambda d: d["principles"][0]["rules"][0].update(check="performance.acuracy"),
            r"principles\[0\]\.rules\[0\]\.check: unknown check 'performance\.acuracy', "
            r"did you mean 'performance\.accuracy'\?",
        ),
        (
            lambda d: d["principles"][0]["rules"][0]["params"].update(flor=0.1),
            r"principles\[0\]\.rules\[0\]\.params\.flor: unknown key 'flor', did you mean 'floor'",
        ),
        (
            lambda d: d["principles"][0]["rules"][0]["params"].update(floor="0.7"),
            r"params\.floor: input should be a valid number, found '0\.7'",
        ),
        (lambda d: d["principles"][0].update(weight=0.35), r"must add up to 1, found .*= 1\.1"),
        (lambda d: d["principles"][1].update(id="performance"), "found 'performance' twice"),
        (lambda d: d["stages"].pop("Staging"), r"stages\.Staging: expected a value, found none"),
        (
            lambda d: d["principles"][0]["rules"][0].update(tasks=["regression"]),
            r"can judge classification, found regression",
        ),
        (
            lambda d: d["principles"][0]["rules"][0].update(stages=["Archived"]),
            r"expected Staging, Production or both, found Archived",
        ),
        (
            lambda d: d["stages"]["Production"].update(approvals={"security": 0}),
            r"stages\.Production\.approvals: expected a number from 1 to 20 for security, found 0",
        ),
        (
            lambda d: d["stages"]["Production"].update(approval_expires_after_hours=0),
            r"approval_expires_after_hours: input should be greater than 0, found 0",
        ),
        (lambda d: d.update(kind="Law"), r"kind: .*Constitution"),
        (
            lambda d: d["applies_to"][0].update(pattern="credit["),
            r"applies_to\[0\]\.pattern: expected a '\]' after every '\[', found 'credit\['",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(
    own: Path, change: Callable[[dict[str, Any]], object], expected: str
) -> None:
    rewrite(own, change)
    with pytest.raises(ConstitutionError, match=expected):
        constitution_file.check(own)
    with pytest.raises(ConstitutionError):
        constitution_file.write_lock(own)


def test_a_repeated_key_is_refused(own: Path) -> None:
    own.write_text(own.read_text() + "\nkind: Constitution\n")
    with pytest.raises(governance_file.ConstitutionError, match="kind"):
        constitution_file.check(own)


def test_one_mistake_inside_a_list_is_told_alone(own: Path) -> None:
    def misspell(document: dict[str, Any]) -> None:
        rules = document["principles"][0]["rules"]
        del rules[1:]
        rules[0]["mode"] = "gaet"

    rewrite(own, misspell)
    with pytest.raises(ConstitutionError) as told:
        constitution_file.check(own)
    _file, *problems = told.value.message.splitlines()
    assert len(problems) == 1, problems
    assert "rules[0].mode: expected one of gate, score, found 'gaet'" in problems[0]
    rewrite(own, lambda d: d["principles"][0].update(rules=[]))
    with pytest.raises(ConstitutionError, match=r"rules: .*at least 1 item"):
        constitution_file.check(own)
