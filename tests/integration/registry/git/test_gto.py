"""The real gto reads our repository, and agrees with the platform's own commands."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from registry.domain.values import Stage
from registry.git.domain.marks import STAGES
from registry.git.domain.names import to_artifact
from tests.integration.registry.git import kit
from tests.integration.registry.git.kit import Desk
from tests.support.gto import gto, overview, shown

MANY = 200
PATHS = (
    (),
    (Stage.STAGING,),
    (Stage.STAGING, Stage.ARCHIVED),
    (Stage.ARCHIVED,),
    (Stage.STAGING, Stage.NONE),
)


def acgs(desk: Desk, *arguments: str) -> Any:
    outcome = subprocess.run(
        [sys.executable, "-m", "infra", "--storage-root", str(desk.root), *arguments, "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(outcome.stdout)


def test_gto_agrees_with_the_model_list_on_200_versions_in_3_stages(desk: Desk) -> None:
    chance = random.Random(7)
    records = [desk.register() for _ in range(MANY)]
    for record in records:
        for stage in chance.choice(PATHS):
            desk.move(record, stage)
    desk.move(records[17], Stage.PRODUCTION)
    desk.sync()
    desk.move(records[17], Stage.ARCHIVED)
    desk.move(records[42], Stage.PRODUCTION)
    desk.sync()

    listed = {
        f"v{each['semver']}": [STAGES[Stage(each["stage"])]] if each["stage"] != "None" else []
        for each in acgs(desk, "model", "show", kit.NAME)
    }
    assert shown(desk.repository, kit.NAME) == listed
    assert {stage for stages in listed.values() for stage in stages} == set(STAGES.values())

    (row,) = acgs(desk, "model", "list")
    theirs = overview(desk.repository)[kit.NAME]
    assert (row["versions"], f"v{row['newest']}") == (MANY, theirs["version"])
    assert theirs["stage"]["prod"] == f"v{records[42].semver}"

    history = gto(desk.repository, "history", kit.NAME, "--plain").splitlines()
    assert sum("registration" in line for line in history) == MANY
    assert sum("prod" in line for line in history) == 3


def test_two_versions_of_one_commit_are_fine_and_a_checkout_has_the_code(tmp_path: Path) -> None:
    code = kit.clone_with_code(tmp_path / "code", commits=2)
    desk = Desk(tmp_path / "root", code)
    head = kit.git(code, "rev-parse", "HEAD")
    for record in (desk.register(code=head), desk.register(code=head)):
        desk.move(record, Stage.STAGING)
    desk.sync()
    assert shown(code, kit.NAME) == {"v1.0.0": ["staging"], "v1.0.1": ["staging"]}
    for tag in ("credit@v1.0.0", "credit@v1.0.1"):
        assert kit.git(code, "rev-parse", f"{tag}^{{commit}}^") == head
        assert kit.git(code, "show", f"{tag}:train.py") == "# train 1"
    assert kit.git(code, "fsck", "--strict") == ""


def test_an_unknown_code_commit_is_named_and_a_known_one_is_the_parent(desk: Desk) -> None:
    desk.register(code="1" * 40)
    desk.register()
    desk.sync()
    assert kit.git(desk.repository, "rev-list", "--parents", "--all").count(" ") == 0
    told = kit.git(
        desk.repository, "log", "-1", "--format=%(trailers:key=Code-Commit)", "credit@v1.0.0"
    )
    assert told.strip() == f"Code-Commit: {'1' * 40}"
    assert set(shown(desk.repository, kit.NAME)) == {"v1.0.0", "v1.0.1"}


def test_deprecated_yanked_and_deleted_versions_read_so_in_gto(desk: Desk) -> None:
    advised, yanked, gone = desk.register(), desk.register(), desk.register()
    desk.move(advised, Stage.STAGING)
    desk.standing("deprecate", advised)
    desk.standing("yank", yanked)
    desk.sync()
    desk.delete(gone)
    desk.sync()
    assert shown(desk.repository, kit.NAME) == {"v1.0.0": ["deprecated", "staging"]}
    desk.standing("restore", advised)
    desk.standing("restore", yanked)
    desk.sync()
    assert shown(desk.repository, kit.NAME) == {"v1.0.0": ["staging"], "v1.0.1": []}
    assert "credit@v1.0.1!" in kit.tags(desk.repository)


def test_a_model_without_versions_is_deprecated_and_comes_back(desk: Desk) -> None:
    desk.delete(desk.register())
    desk.sync()
    assert "credit@deprecated" in kit.tags(desk.repository)
    assert overview(desk.repository) == {}
    desk.register()
    desk.sync()
    assert shown(desk.repository, kit.NAME) == {"v1.0.1": []}


def test_a_renamed_model_is_gone_under_its_old_name(desk: Desk) -> None:
    for _ in range(2):
        desk.move(desk.register(), Stage.STAGING)
    desk.sync()
    desk.rename(kit.NAME, "credit-eu")
    desk.sync()
    assert list(overview(desk.repository)) == ["credit-eu"]
    assert shown(desk.repository, "credit-eu") == {"v1.0.0": ["staging"], "v1.0.1": ["staging"]}
    desk.register()
    desk.sync()
    assert shown(desk.repository, kit.NAME) == {"v1.0.0": []}


def test_names_that_gto_would_refuse_are_escaped(desk: Desk) -> None:
    names = ["credit v2.eu", "credit..lock", "credit-ünï", "credit_x41."]
    for name in names:
        desk.move(desk.register(name), Stage.STAGING)
    desk.sync()
    read = overview(desk.repository)
    assert set(read) == {to_artifact(name) for name in names}
    assert {each["stage"]["staging"] for each in read.values()} == {"v1.0.0"}


def test_a_name_too_long_for_git_is_refused_aloud_and_holds_up_nothing(desk: Desk) -> None:
    desk.register("credit" + "." * 120)
    desk.register()
    done = desk.sync()
    assert done.error is None
    assert kit.tags(desk.repository) == ["credit@v1.0.0"]
    (finding,) = desk.status.findings
    assert (finding.kind, finding.place) == ("name_refused", "registry")
    assert "at most 240 bytes" in finding.found
