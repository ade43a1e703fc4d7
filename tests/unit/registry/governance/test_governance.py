"""Which names are governed, and by which document."""

import json
from pathlib import Path

import pytest

from infra.settings import Settings
from registry.domain import canonical
from registry.domain.values import Enforcement, Stage
from registry.governance.adapters import governance_file
from registry.governance.adapters.governance_file import ConstitutionError
from registry.governance.domain.approval_rules import ApprovalRules, quorum_of, reminder_ms
from registry.governance.domain.governance import Governance, Pattern
from registry.settings import RegistrySettings

HASH = "cdd01ef066bc6cf2"
TEXT = f"""
metadata: {{constitutional_hash: {HASH}}}
applies_to:
  - {{pattern: "credit*", enforcement: enforce}}
  - {{pattern: "*", enforcement: observe}}
stages:
  Staging: {{min_score: 0.8, approvals: 0}}
  Production:
    {{min_score: 0.9, approvals: {{security: 1, any: 2}}, request_expires_after_hours: 48}}
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    write(tmp_path, TEXT)
    return Settings(storage_root=tmp_path)


def write(root: Path, text: str, locked: str | None = None, named: str = HASH) -> None:
    folder = root / "constitution"
    folder.mkdir(exist_ok=True)
    (folder / "constitution.yaml").write_text(text)
    if locked is None:
        value = governance_file.document(folder / "constitution.yaml")
        locked = canonical.digest(value).removeprefix("sha256:")
    lock = {"constitutional_hash": named, "sha256": locked}
    (folder / "constitution.lock.json").write_text(json.dumps(lock))


def test_names_are_matched_without_case_and_the_first_pattern_wins() -> None:
    governance = Governance(
        HASH,
        "sha256:0",
        (Pattern("credit*", Enforcement.ENFORCE), Pattern("*-dev", Enforcement.OBSERVE)),
    )
    assert governance.enforcement("Credit-DEV") is Enforcement.ENFORCE
    assert governance.enforcement("x-DEV") is Enforcement.OBSERVE
    assert governance.enforcement("other") is None


def test_the_document_in_the_storage_root_is_in_force(settings: Settings) -> None:
    governance = governance_file.load(settings)
    assert governance.constitutional_hash == HASH
    assert governance.enforcement("credit") is Enforcement.ENFORCE


def test_a_stage_says_in_which_roles_people_must_approve_and_by_when(settings: Settings) -> None:
    governance = governance_file.load(settings)
    assert governance.approval_rules(Stage.STAGING) == ApprovalRules()
    rules = governance.approval_rules(Stage.PRODUCTION)
    assert rules.seats() == ("security", "any", "any")
    assert rules.request_ends_ms(1000) == 1000 + 48 * 3_600_000
    assert rules.approval_ends_ms(1000) is None


@pytest.mark.parametrize(
    "wrong",
    [
        -1, 21, True, 1.0, "2", None, [], {}, {"security": 0}, {"security": True}, {"": 1},
        {"Security": 1}, {"a,b": 1}, {1: 1}, {"a": 20, "b": 1},
    ],
)  # fmt: skip
def test_a_quorum_that_is_none_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        quorum_of(wrong)


def test_a_number_of_approvals_is_a_quorum_of_any_role() -> None:
    assert quorum_of(0) == ()
    assert quorum_of(2) == quorum_of({"any": 2}) == (("any", 2),)
    assert ApprovalRules(quorum_of({"lead": 1})).seats(at_least=3) == ("lead", "any", "any")


def test_a_reminder_comes_a_day_before_an_end_or_at_half_of_a_short_time() -> None:
    day_ms = 24 * 3_600_000
    assert reminder_ms(0, 7 * day_ms) == 6 * day_ms
    assert reminder_ms(0, day_ms) == day_ms // 2


def test_a_document_changed_under_its_lock_is_refused(settings: Settings) -> None:
    governance_file.load(settings)
    path = settings.storage_root / "constitution" / "constitution.yaml"
    path.write_text(TEXT.replace("enforce}", "observe}"))
    with pytest.raises(ConstitutionError, match="changed under a locked identifier"):
        governance_file.load(settings)


def test_a_lock_for_another_identifier_is_refused(tmp_path: Path) -> None:
    write(tmp_path, TEXT, named="0123456789abcdef")
    with pytest.raises(ConstitutionError, match="its lock says '0123456789abcdef'"):
        governance_file.load(Settings(storage_root=tmp_path))


def test_an_environment_with_another_identifier_is_refused(settings: Settings) -> None:
    other = settings.having(RegistrySettings(constitutional_hash="ffffffffffffffff"))
    with pytest.raises(ConstitutionError, match="expected constitution ffffffffffffffff"):
        governance_file.load(other)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2\n", "duplicate key"),
        ("[1, 2]", "expected a mapping, found list"),
        ("a: [", "not valid YAML"),
        (TEXT.replace("enforcement: enforce", "enforcement: strict"), "expected pattern"),
        (TEXT.split("applies_to")[0], "applies_to: expected a list"),
        (TEXT.split("stages:")[0], "stages.Staging: expected min_score and approvals, found None"),
        (TEXT.replace("any: 2", "any: 0"), "Production: expected a number from 1 to 20 for any"),
        (TEXT.replace("48", "-1"), "Production: expected hours above 0, at most 87840, found -1"),
    ],
)
def test_a_broken_document_is_refused_and_named(tmp_path: Path, text: str, said: str) -> None:
    try:
        write(tmp_path, text)
    except ConstitutionError:
        write(tmp_path, text, locked="0" * 64)
    with pytest.raises(ConstitutionError, match=said):
        governance_file.load(Settings(storage_root=tmp_path))


def test_a_missing_lock_is_refused(settings: Settings) -> None:
    (settings.storage_root / "constitution" / "constitution.lock.json").unlink()
    with pytest.raises(ConstitutionError, match="cannot read"):
        governance_file.load(settings)


def test_a_constitution_that_went_missing_is_not_replaced_by_the_shipped_one(
    settings: Settings,
) -> None:
    governance_file.load(settings)
    folder = settings.storage_root / "constitution"
    folder.rename(settings.storage_root / "elsewhere")
    with pytest.raises(ConstitutionError, match="cannot read"):
        governance_file.load(settings)
