"""What `--json` prints is what docs/reference/cli-json.md says."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from infra.clock import utc_now
from infra.console import cli
from infra.settings import Settings
from registry.audit.merkle.bootstrap import open_sequencer
from registry.domain.records import Ask
from registry.domain.values import RequestKind, Stage
from tests.docs import cli_pages
from tests.docs.json_page import promises
from tests.integration.registry import shelf as kit
from tests.integration.registry.shelf import GROWN, NAME, Shelf
from tests.support import roles

ENFORCED = "credit"
PROOF, DOSSIER = "event.tlog-proof", "dossier.html"
FIRST, SECOND = f"{NAME}@1.0.0", f"{NAME}@1.1.0"
NEED_A_PLATFORM = {
    "acgs whoami",  # tests/integration/registry/access/test_login.py
    "acgs compliance score NAME@VERSION",  # tests/integration/compliance/judging/test_judging.py
    "acgs compliance show NAME@VERSION",  # the same document
    "acgs lineage impact ORIGIN",  # tests/integration/registry/lineage/test_interfaces.py
}
"""Commands that a store without a server cannot answer."""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("root")
        patch.setenv("MLOPS_STORAGE_ROOT", str(root))
        opened = kit.opened(root)
        _fill(opened)
        yield opened
        opened.store.registry.engine.dispose()
        opened.store.engine.dispose()


def _fill(shelf: Shelf) -> None:
    """Leave something for each command to show."""
    run("access", "adopt", str(roles.written(shelf.root, roles.EVERYTHING_TO_EVERYBODY)))
    tomorrow = (utc_now() + timedelta(days=1)).isoformat()
    run("delegation", "add", "dan", "--name", "*", "--until", tomorrow)
    run("webhook", "add", "hook", "http://127.0.0.1:9/hook", "--event", "*")
    run("token", "create", "ci", "--name", "*", "--verb", "read")
    run("endpoint", "create", NAME)
    shelf.register()
    shelf.register(GROWN)
    shelf.store.transition_model_version_stage(NAME, "1", "Production", False)
    version = shelf.register(name=ENFORCED)
    asked = Ask(RequestKind.TRANSITION, version, ENFORCED, Stage.PRODUCTION, "ben")
    request = shelf.store.registry.gate.open_request(asked, utc_now())
    run("reject", str(request.id), "--comment", "not now")
    holdout = shelf.root / "holdout.csv"
    holdout.write_text("a,y\n1,1\n2,0\n")
    bind = ("evidence", "add", NAME, "--dataset", str(holdout), "--task", "classification")
    run(*bind, "--label", "y")
    run("git", "init")
    run("git", "sync")
    run("artifact", "statement", SECOND)
    damaged = shelf.register(name="observed-damaged")
    (Path(damaged.source) / "MLmodel").write_text("flavors: {x: {}}")
    shelf.register(name="observed-gone")
    shelf.store.delete_model_version("observed-gone", "1")
    shelf.register(name="observed-moved")
    with shelf.store.engine.begin() as connection:
        for statement in (
            "UPDATE acgs_version SET created_ms = 1, deleted_ms = 1 WHERE name = 'observed-gone'",
            "UPDATE model_versions SET current_stage = 'Production' WHERE name = 'observed-moved'",
        ):
            connection.execute(text(statement))
    run("artifact", "scrub")
    settings = Settings(storage_root=shelf.root)
    sequencer = open_sequencer(shelf.store.registry.engine, settings)
    sequencer.round()
    sequencer.close()
    run("audit", "prove", "1", "--output", str(shelf.root / PROOF))
    run("dossier", FIRST, "--output", str(shelf.root / DOSSIER))


def run(*words: str) -> None:
    # 1: done, and found what a person has to look at; 3: no role runs here.
    assert cli.invoke(list(words)) in (0, 1, 3), words


def as_run(command: str) -> list[str]:
    """Return a row's command with what stands here for its placeholders."""
    words = command.removeprefix("acgs ")
    words = words.replace("NAME@V1 NAME@V2", f"{FIRST} {SECOND}").replace("NAME@VERSION", SECOND)
    words = words.replace("FILE", str(roles.TEMPLATE))
    words = words.replace("ID --vote N", "2 --vote 1").replace("WHO VERB", "person:alice read")
    root = Path(os.environ["MLOPS_STORAGE_ROOT"])
    key = f"--public-key {root / 'keys/audit-log.vkey'}"
    words = words.replace("PROOF", f"{root / PROOF} {key}")
    words = words.replace("DOSSIER", f"{root / DOSSIER} {key}")
    return shlex.split(re.sub(r"\bNAME\b", NAME, words).replace("ID", "1"))


def test_every_command_with_json_is_on_the_page_and_only_those() -> None:
    listed = {re.sub(r" (?:[A-Z\[@-]).*", "", command) for command in promises()}
    able = {
        path
        for path, command in cli_pages.walk()
        if any(option.name == "as_json" for option in cli_pages.options(command))
    }
    assert listed == able


def answerable() -> list[str]:
    """Commands in an order in which none takes from the next what it would show."""
    return sorted(promises().keys() - NEED_A_PLATFORM, key=lambda c: ("--dry-run" not in c, c))


@pytest.mark.parametrize("command", answerable())
def test_json_has_the_keys_that_the_page_promises(
    shelf: Shelf, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    del shelf
    run(*as_run(command), "--json")
    found: Any = json.loads(capsys.readouterr().out)
    match promises()[command].kind:
        case "list":
            objects = found
        case "map":
            objects = list(found.values())
        case _:
            objects = [found]
    assert objects, "nothing was shown, so nothing was compared"
    for each in objects:
        assert set(each) == promises()[command].keys
