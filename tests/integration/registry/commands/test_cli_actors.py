"""Every command that changes something writes the same actor into the audit trail."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click
import pytest
from sqlalchemy import text

from infra.clock import utc_now
from infra.console import cli
from registry.domain.records import Ask
from registry.domain.values import SYSTEM, Enforcement, RequestKind, Stage, Verdict
from registry.governance.adapters import constitution_memory
from registry.governance.adapters.evidence_file import binding_digest
from tests.integration.registry import shelf as kit
from tests.integration.registry.shelf import NAME, Shelf
from tests.support import roles
from tests.support.platform import write_constitution
from tests.support.roles import TEMPLATE

ENFORCED = "credit"
REASON = ("--reason", "because")
HOOK = ("webhook", "add", "hook", "http://127.0.0.1:9/hook", "--event", "*")

NO_EVENT = {
    "artifact rotate-key": "keys are no part of the audit trail",
    "compliance score": "judges first: scorecard.recorded is in audit/test_coverage.py",
    "constitution lock": "the constitution is noted when it comes into force",
    "dossier": "signs what is recorded",
    "evidence add": "verdicts name the evidence that they rest on",
    "git init": "writes a setting",
    "git sync": "follows the audit trail",
    "schema downgrade": "changes tables, no version",
    "uninstall": "removes the audit trail",
}
NEEDS_A_LOG = {"audit new-log"}
"""Ends a log, so one has to be there: tests/integration/registry/audit/test_new_log.py."""
THROUGH_THE_SERVER = {"promote", "version release"}
"""Ask over HTTP as any client does, so the server names their actor by its address."""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "alice")
    opened = kit.opened(tmp_path)
    yield opened
    opened.store.registry.engine.dispose()
    opened.store.engine.dispose()


def run(*words: str) -> None:
    # 1: done, and found what a person has to look at.
    assert cli.invoke(list(words)) in (0, 1)


def damage(shelf: Shelf, statement: str) -> None:
    with shelf.store.engine.begin() as connection:
        connection.execute(text(statement))


def nothing(shelf: Shelf) -> None:
    del shelf


def a_version(shelf: Shelf) -> None:
    shelf.register()


def a_hook(_shelf: Shelf) -> None:
    run(*HOOK)


def a_dead_delivery(shelf: Shelf) -> None:
    run(*HOOK)
    shelf.register()
    damage(shelf, "UPDATE acgs_delivery SET state = 'dead'")


def a_request(shelf: Shelf) -> None:
    version = shelf.register(name=ENFORCED)
    asked = Ask(RequestKind.TRANSITION, version, ENFORCED, Stage.PRODUCTION, "ben")
    shelf.store.registry.gate.open_request(asked, utc_now())


def a_judged_request(shelf: Shelf) -> None:
    a_request(shelf)
    gate = shelf.store.registry.gate
    request = gate.get_request(1)
    verdict = Verdict(
        score=1.0,
        passed=True,
        enforcement=Enforcement.ENFORCE,
        approvals_needed=2,
        reasons=(),
        manifest_digest=request.manifest_digest,
        constitution_digest=gate.governance.current().constitution_digest,
        evidence_digest=binding_digest(gate.settings, ENFORCED),
        document={},
    )
    gate.attach_verdict(1, verdict, utc_now())


LENT = ("dan", "--name", "*", "--until", (utc_now() + timedelta(days=1)).isoformat())


def a_role(shelf: Shelf) -> None:
    run("access", "adopt", str(roles.written(shelf.root, roles.EVERYTHING_TO_EVERYBODY)))


def a_lent_vote(shelf: Shelf) -> None:
    a_role(shelf)
    run("delegation", "add", *LENT)


def a_deprecated_version(shelf: Shelf) -> None:
    version = shelf.register()
    shelf.store.registry.standings.deprecate(version.uid, "ben", "because", utc_now())


def a_held_version(shelf: Shelf) -> None:
    shelf.store.registry.custody.hold(shelf.register(), "because", "ben", utc_now())


def a_long_deleted_version(shelf: Shelf) -> None:
    version = shelf.register()
    shelf.store.delete_model_version(NAME, str(version.version))
    damage(shelf, "UPDATE acgs_version SET created_ms = 1, deleted_ms = 1")


def a_damaged_version(shelf: Shelf) -> None:
    (Path(shelf.register().source) / "MLmodel").unlink()


def a_stage_that_nobody_granted(shelf: Shelf) -> None:
    shelf.register()
    damage(shelf, "UPDATE model_versions SET current_stage = 'Production'")


def a_version_without_a_record(shelf: Shelf) -> None:
    shelf.register()
    damage(shelf, "DELETE FROM acgs_version")


def a_lost_constitution(shelf: Shelf) -> None:
    shelf.store.registry.governance.current()
    shutil.rmtree(shelf.root / "constitution")
    (shelf.root / "constitution.own").unlink()
    constitution_memory.forget()


def an_edited_constitution(shelf: Shelf) -> None:
    shelf.store.registry.governance.current()
    write_constitution(shelf.root, approvals=1)
    constitution_memory.forget()


TOKEN = ("ci", "--name", "*", "--verb", "read")


def a_token(_shelf: Shelf) -> None:
    run("token", "create", *TOKEN)


def a_rollout(shelf: Shelf) -> None:
    shelf.store.registry.endpoints.create_endpoint(NAME, "acgs", {}, "ben", utc_now())
    shelf.store.transition_model_version_stage(NAME, shelf.register().version, "Production", False)


def a_paused_rollout(shelf: Shelf) -> None:
    a_rollout(shelf)
    damage(shelf, "UPDATE acgs_rollout SET phase = 'paused'")


@dataclass(frozen=True)
class Command:
    """A command, and what has to be there before it."""

    before: Callable[[Shelf], None]
    words: tuple[str, ...]


OF_THE_VERSION = f"{NAME}@1"
COMMANDS = {
    "access adopt": Command(nothing, (str(TEMPLATE),)),
    "adoption run": Command(a_version_without_a_record, ()),
    "approve": Command(a_judged_request, ("1",)),
    "artifact expire": Command(a_long_deleted_version, ()),
    "artifact hold": Command(a_version, (OF_THE_VERSION, *REASON)),
    "artifact release": Command(a_held_version, (OF_THE_VERSION, *REASON)),
    "artifact repair": Command(a_damaged_version, (OF_THE_VERSION,)),
    "constitution accept-shipped": Command(a_lost_constitution, ()),
    "constitution adopt": Command(an_edited_constitution, ()),
    "delegation add": Command(a_role, LENT),
    "delegation revoke": Command(a_lent_vote, ("1",)),
    "endpoint create": Command(nothing, (NAME,)),
    "evidence adopt": Command(nothing, ()),
    "reject": Command(a_request, ("1", "--comment", "no")),
    "request comment": Command(a_request, ("1", "words")),
    "request cancel": Command(a_request, ("1",)),
    "rollback": Command(a_rollout, (NAME, *REASON)),
    "rollout abort": Command(a_rollout, (NAME, *REASON)),
    "rollout pause": Command(a_rollout, (NAME, *REASON)),
    "rollout promote": Command(a_rollout, (NAME, *REASON)),
    "rollout resume": Command(a_paused_rollout, (NAME, *REASON)),
    "token create": Command(nothing, TOKEN),
    "token revoke": Command(a_token, ("ci",)),
    "version deprecate": Command(a_version, (OF_THE_VERSION, *REASON)),
    "version resolve": Command(a_stage_that_nobody_granted, (NAME,)),
    "version restore": Command(a_deprecated_version, (OF_THE_VERSION, *REASON)),
    "version yank": Command(a_version, (OF_THE_VERSION, *REASON)),
    "webhook add": Command(nothing, HOOK[2:]),
    "webhook redeliver": Command(a_dead_delivery, ("--all-dead",)),
    "webhook remove": Command(a_hook, ("hook",)),
    "webhook rotate": Command(a_hook, ("hook",)),
    "webhook test": Command(a_hook, ("hook",)),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_writes_the_user_and_that_it_was_the_command_line(
    shelf: Shelf, name: str
) -> None:
    COMMANDS[name].before(shelf)
    last = max((event.id for event in shelf.store.registry.audit.events()), default=0)
    run(*name.split(), *COMMANDS[name].words)
    written = shelf.store.registry.audit.events(after_id=last)
    assert {event.actor for event in written} - {SYSTEM} == {"alice@cli"}, written


def changing(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command below this one that has something for `--dry-run` not to do."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from changing(found, (*path, name))
    elif any(parameter.name == "dry_run" for parameter in command.params):
        yield " ".join(path)


def test_every_changing_command_is_in_the_table() -> None:
    assert {*changing(cli.acgs)} == {*COMMANDS, *NO_EVENT, *NEEDS_A_LOG, *THROUGH_THE_SERVER}
