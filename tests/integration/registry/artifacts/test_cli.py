"""`acgs artifact`, as a person uses it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import click
from click.testing import CliRunner

from infra.errors import PlatformError, exit_code
from registry.artifacts.cli import artifact
from registry.artifacts.settings import ArtifactSettings
from registry.commands.models import model
from registry.commands.version import version
from tests.integration.registry.artifacts.places import FILES, Keep


@dataclass(frozen=True)
class Answer:
    returncode: int
    stdout: str
    stderr: str


def acgs(keep: Keep, *arguments: str, group: click.Group = artifact) -> Answer:
    """Run the command in this process: another one would only import everything again."""
    environment = {
        "MLOPS_STORAGE_ROOT": str(keep.settings.storage_root),
        "ACGS_DATABASE_URL": keep.settings.database_url,
        "ACGS_ARTIFACT_REPLICA": keep.settings.of(ArtifactSettings).replica,
        "ACGS_ARTIFACT_ROOT": keep.settings.artifact_root,
    }
    result = CliRunner().invoke(group, arguments, env=environment)
    error = result.exception
    if isinstance(error, PlatformError):
        return Answer(exit_code(error), result.stdout, str(error))
    assert error is None or isinstance(error, SystemExit), result.exc_info
    return Answer(result.exit_code, result.stdout, result.stderr)


def told(keep: Keep, *arguments: str, status: int = 0) -> Any:
    answer = acgs(keep, *arguments, "--json")
    assert answer.returncode == status, answer.stderr
    return json.loads(answer.stdout)


def test_damage_is_seen_repaired_and_gone(local: Keep) -> None:
    record = local.register()
    name = f"{record.name}@{record.semver}"
    local.artifacts.replication.replicate(record)
    assert told(local, "scrub") == {"versions": 1, "damaged": []}
    local.flip(record)
    found = told(local, "scrub", record.name, status=1)
    assert found["damaged"][0]["changes"] == ["data/a.bin: content changed"]
    assert told(local, "scrub", name, status=1)["versions"] == 1
    said = acgs(local, "scrub", record.name).stderr
    assert f"found damage to {record.name} {record.semver}\n" in said
    (damaged,) = told(local, "status")["damaged"]
    assert damaged == str(record.ref)
    (plan,) = told(local, "repair", "--dry-run")
    assert plan["would_repair"] == ["data/a.bin: content changed"]
    (done,) = told(local, "repair")
    assert (done["restored"], done["quarantined"]) == (["data/a.bin"], None)
    assert told(local, "status", name)["damage"] == []
    assert "nothing to repair" in acgs(local, "repair").stdout


def test_what_cannot_be_repaired_is_refused_with_exit_code_1(local: Keep) -> None:
    record = local.register()
    name = f"{record.name}@{record.version}"
    local.lose(record)
    answer = acgs(local, "repair", name)
    assert answer.returncode == 1
    assert "no copy of MLmodel as registered" in answer.stdout
    assert "restore them from a backup" in answer.stderr
    status = told(local, "status", name)
    assert status["quarantine"] == "damaged: MLmodel: missing"
    assert status["object_lock"] is None
    assert status["replica"] is False


def test_a_quarantine_is_said_wherever_a_version_is_shown(local: Keep) -> None:
    record = local.register()
    assert "quarantined" not in acgs(local, "show", record.name, group=model).stdout
    local.lose(record)
    acgs(local, "repair", f"{record.name}@{record.semver}")
    assert acgs(local, "show", record.name, group=model).stdout.endswith("quarantined\n")
    for group in (model, version):
        answer = acgs(local, "show", f"{record.name}@{record.semver}", group=group)
        assert "unusable_reason  MLmodel: missing\n" in answer.stdout
        assert "unusable_at      20" in answer.stdout
        assert f"warning: {record.ref} is quarantined since 20" in answer.stderr
    assert acgs(local, "list", record.name, group=version).stdout.endswith("quarantined\n")
    view = json.loads(
        acgs(local, "show", f"{record.name}@{record.semver}", "--json", group=version).stdout
    )
    assert (view["unusable"], view["unusable_reason"]) == ("quarantined", "MLmodel: missing")
    local.place.write(local.folder(record), "MLmodel", FILES["MLmodel"])
    assert "quarantined no more" in acgs(local, "repair").stdout
    assert "unusable" not in acgs(local, "show", f"{record.name}@1", group=version).stdout


def test_holds_retention_usage_keys_and_bills_are_told(local: Keep) -> None:
    record = local.register()
    name = f"{record.name}@{record.semver}"
    assert acgs(local, "hold", name, "--reason", " ").returncode == 2
    assert "would hold" in acgs(local, "hold", name, "--reason", "case", "--dry-run").stdout
    assert "is held" in acgs(local, "hold", name, "--reason", "case 7").stdout
    (kept,) = told(local, "expire", "--dry-run")
    assert (kept["free"], kept["reasons"][0]) == (False, "legal hold: case 7")
    assert told(local, "expire") == []
    assert "has no legal hold any more" in acgs(local, "release", name, "--reason", "closed").stdout
    (usage,) = told(local, "usage")
    assert usage["versions"] == 1
    before = acgs(local, "public-key").stdout
    assert before.startswith("-----BEGIN PUBLIC KEY-----")
    statement = json.loads(acgs(local, "statement", name).stdout)
    assert statement["payloadType"] == "application/vnd.in-toto+json"
    assert acgs(local, "rotate-key").returncode == 0
    assert acgs(local, "public-key").stdout != before
    assert told(local, "verify", name)["key_id"] == statement["signatures"][0]["keyid"]
    assert json.loads(acgs(local, "bom", name, group=version).stdout)["bomFormat"] == "CycloneDX"
    assert acgs(local, "verify").returncode == 2


def test_many_damaged_versions_are_told_as_a_few_and_how_many_more(local: Keep) -> None:
    for _ in range(7):
        record = local.register()
        local.lose(record)
        acgs(local, "repair", f"{record.name}@{record.semver}")
    lines = dict(line.split(None, 1) for line in acgs(local, "status").stdout.splitlines())
    for key in ("damaged", "quarantined"):
        assert lines[key].endswith("; and 2 more (--json: all)")
        assert len(told(local, "status")[key]) == 7


def test_a_version_that_was_deleted_counts_nowhere(local: Keep) -> None:
    records = [local.register() for _ in range(3)]
    for record in records:
        local.artifacts.statements.sign(record)
        local.artifacts.scrubbing.check(record)
    local.shelf.store.delete_model_version(records[0].name, str(records[0].version))
    status = told(local, "status")
    assert (status["versions"], status["signed"], status["scrubbed"]) == (2, 2, 2)


def test_without_a_replica_no_repair_from_one_is_promised(local: Keep) -> None:
    record = local.register()
    local.flip(record)
    local.artifacts.kit.settings = local.settings.having(ArtifactSettings(replica=""))
    answer = acgs(local, "scrub")
    assert answer.returncode == 1
    assert "restore the files from a backup" in answer.stderr
    assert "ACGS_ARTIFACT_REPLICA is empty" in answer.stderr
