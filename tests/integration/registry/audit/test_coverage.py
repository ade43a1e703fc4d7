"""What stands in the tables without an event is counted and named."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from infra.identity.principal import Principal, Scope
from infra.stores.db import reading, transaction
from registry.audit.coverage import coverage, total
from registry.audit.covered import Covered
from registry.audit.history import History, of_database
from registry.audit.merkle.adapters import keys
from registry.audit.merkle.bootstrap import open_sequencer
from registry.audit.merkle.domain.note import KeyKind
from registry.audit.merkle.settings import log_folder
from registry.domain.records import Act, Ask
from registry.domain.values import Enforcement, RequestKind, Stage, Verdict
from registry.gate.adapters import request_rows
from registry.stages.adapters import moves
from registry.tokens.service import Tokens
from tests.integration.registry.audit.kit import Shell
from tests.integration.registry.git import kit
from tests.integration.registry.git.kit import Desk
from tests.support import roles


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "root", kit.bare(tmp_path / "models.git"))


def counted_in(desk: Desk) -> list[Covered]:
    with reading(desk.engine) as connection:
        return coverage(connection, History.of(of_database(connection)))


def by_operation(desk: Desk) -> dict[str, Covered]:
    return {one.operation: one for one in counted_in(desk)}


def sql(desk: Desk, *statements: str) -> None:
    with transaction(desk.engine) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def lived(desk: Desk) -> None:
    """A registry in which everything happened through the platform."""
    first, second = desk.register(), desk.register()
    desk.move(first, Stage.PRODUCTION)
    desk.move(first, Stage.ARCHIVED)
    desk.move(second, Stage.STAGING)
    with transaction(desk.engine) as connection:
        moves.set_alias(connection, kit.NAME, "Champion", 2, Act("ada@cli", desk.now_ms))
    desk.delete(desk.register())
    desk.left_by_plain_mlflow(Stage.PRODUCTION, Stage.NONE, name="observed-adopted")
    desk.back_fill()
    judged(desk)
    ruled(desk)


def verdict() -> Verdict:
    return Verdict(
        passed=False,
        score=0.5,
        enforcement=Enforcement.ENFORCE,
        approvals_needed=2,
        manifest_digest="d",
        constitution_digest="c",
        evidence_digest="e",
        reasons=(),
        document={"score": 0.5},
    )


def judged(desk: Desk) -> None:
    """Ask for a version, whose verdict is no; judge it once more unasked."""
    gate = desk.registry.gate
    record = desk.register("credit-judged")
    with transaction(desk.engine) as connection:
        ask = Ask(RequestKind.TRANSITION, record, record.name, Stage.PRODUCTION, "ada@cli")
        number = request_rows.insert_request(connection, ask, "d", desk.now_ms)
    gate.attach_verdict(number, verdict(), desk.later())
    act = Act("ada@cli", desk.now_ms)
    gate.record_verdict(record.uid, record.name, Stage.PRODUCTION, verdict(), act)


def ruled(desk: Desk) -> None:
    """Put roles and a constitution in force, and make a token."""
    act = Act("ada@cli", desk.now_ms)
    desk.registry.access.adopt(roles.EVERYTHING_TO_EVERYBODY, Principal("ada"), act)
    desk.registry.governance.note_in_force()
    scope = Scope(("credit*",), ("*",), ("read",))
    Tokens(desk.engine).create("ci", scope, timedelta(days=1), act)


def test_what_the_platform_does_is_covered(desk: Desk) -> None:
    lived(desk)
    found = counted_in(desk)
    counted, audited = total(found)
    assert [gap for one in found for gap in one.gaps] == []
    assert counted == audited
    assert by_operation(desk)["versions registered or adopted"].counted == 6
    assert by_operation(desk)["stages of versions"].counted == 5
    assert by_operation(desk)["champion and challenger"].counted == 1
    assert by_operation(desk)["verdicts on requests"].counted == 1
    assert by_operation(desk)["verdicts without a request"].counted == 1
    assert by_operation(desk)["versions deleted"].counted == 1


def test_a_renamed_models_stages_are_not_counted_rather_than_wrongly(desk: Desk) -> None:
    lived(desk)
    desk.rename(kit.NAME, "renamed")
    assert by_operation(desk)["stages of versions"].counted == 3
    assert all(one.gaps == () for one in counted_in(desk))


def test_where_nothing_can_be_counted_it_is_said(desk: Desk) -> None:
    http = by_operation(desk)["requests over HTTP"]
    assert (http.counted, http.percent) == (None, None)
    assert http.source.startswith("no data: ")
    assert by_operation(desk)["votes"].percent is None


_REQUEST = (
    "INSERT INTO acgs_transition_request (id, kind, version_uid, name, version, semver, judged_as, "
    "target, from_stage, archive_existing, manifest_digest, state, actor, created_ms) VALUES "
    "(7, 'transition', 'x', 'credit', 1, '1.0.0', 'credit', 'Production', 'None', 0, 'd', "
    "'granted', 'mallory', 1)"
)
FORGED = {
    "a stage": (
        "UPDATE model_versions SET current_stage = 'Production' "
        "WHERE name = 'credit' AND version = 2",
        "stages of versions",
        ("credit 2: in Production, the events say Staging",),
    ),
    "a request": (_REQUEST, "requests made", ("request 7",)),
    "a decision": (_REQUEST, "requests decided", ("request 7, granted",)),
    "a vote": (
        "INSERT INTO acgs_approval (request_id, actor, approved, comment, manifest_digest, "
        "created_ms, person) VALUES (1, 'ben', 1, '', 'd', 1, 'p')",
        "votes",
        ("ben on request 1",),
    ),
    "a verdict": (
        "INSERT INTO acgs_scorecard (request_id, version_uid, judged_as, target, manifest_digest, "
        "constitution_digest, evidence_digest, enforcement, score, passed, approvals_needed, "
        "document, created_ms) SELECT request_id, version_uid, judged_as, target, manifest_digest, "
        "constitution_digest, evidence_digest, enforcement, 0.99, 1, 0, document, 1 "
        "FROM acgs_scorecard WHERE id = 1",
        "verdicts on requests",
        ("verdict 3 on request 1: score 0.9900, passed",),
    ),
    "a verdict's approvals": (
        "UPDATE acgs_scorecard SET approvals_needed = 0 WHERE id = 1",
        "verdicts on requests",
        ("verdict 1 on request 1: score 0.5000, failed",),
    ),
    "a verdict's document": (
        "UPDATE acgs_scorecard SET document = '{}' WHERE id = 2",
        "verdicts without a request",
        ("verdict 2 on credit-judged, which nobody asked for",),
    ),
    "an alias": (
        "UPDATE registered_model_aliases SET version = 1 WHERE name = 'credit'",
        "champion and challenger",
        ("credit@Champion: version 1, the events say 2",),
    ),
    "roles": (
        "INSERT INTO acgs_access (digest, document, actor, since_ms) VALUES ('x', '{}', 'm', 1)",
        "roles put in force",
        ("roles 2 by m: x, the events say None",),
    ),
    "a constitution": (
        "UPDATE acgs_constitution SET digest = 'x' WHERE id = 1",
        "constitution and evidence in force",
        ("constitution in force: x, the events say {constitution}",),
    ),
    "a token's scope": (
        "UPDATE acgs_service_token SET verbs = '[\"*\"]'",
        "service tokens",
        ("token {token} of ci: made otherwise, or never",),
    ),
    "an endpoint": (
        "INSERT INTO acgs_endpoint (name, namespace, plan, created_ms) VALUES ('x', 'n', '{}', 1)",
        "endpoints created",
        ("endpoint x",),
    ),
    "a deletion": (
        "UPDATE acgs_version SET deleted_ms = 1 WHERE name = 'credit' AND version = 1",
        "versions deleted",
        ("credit 1.0.0",),
    ),
}


COUNTED_ONLY = ("an endpoint", "a deletion", "a verdict's document")
"""What decides nothing by itself: many such rows may be missing before it is an error."""


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.delenv("ACGS_DATABASE_URL", raising=False)
    return Shell(capsys, monkeypatch)


@pytest.mark.parametrize("what", FORGED)
def test_what_was_written_by_sql_is_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, shell: Shell, what: str
) -> None:
    statement, operation, patterns = FORGED[what]
    lived(desk)
    known = {
        "constitution": desk.registry.governance.current().constitution_digest,
        "token": Tokens(desk.engine).every()[0].id,
    }
    gaps = tuple(gap.format(**known) for gap in patterns)
    sql(desk, statement)
    assert by_operation(desk)[operation].gaps == gaps
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(desk.root))
    outcome = shell.acgs("audit", "coverage")
    assert outcome.status == 1
    assert f"  no event: {gaps[0]}" in outcome.out.splitlines()
    code = "coverage_low" if what in COUNTED_ONLY else "contradicted"
    assert f"error [audit.{code}]: expected " in outcome.err


def test_one_forged_stage_among_many_rows_is_an_error(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, shell: Shell
) -> None:
    lived(desk)
    for _ in range(60):
        desk.register()
    sql(desk, FORGED["a stage"][0])
    counted, audited = total(counted_in(desk))
    assert 100 * audited / counted > 98
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(desk.root))
    assert shell.acgs("audit", "coverage").status == 1


def test_a_forged_event_does_not_help_once_the_log_is_elsewhere(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, shell: Shell, tmp_path: Path
) -> None:
    lived(desk)
    sequencer = open_sequencer(desk.engine, desk.settings)
    sequencer.round()
    sequencer.close()
    copy, key = tmp_path / "copy", keys.public_file(desk.settings, KeyKind.LOG)
    shutil.copytree(log_folder(desk.settings), copy)
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(desk.root))
    proven = ("audit", "coverage", "--log", copy, "--public-key", key)
    assert shell.acgs(*proven).status == 0

    sql(
        desk,
        FORGED["a stage"][0],
        "INSERT INTO acgs_event (uid, type, name, version, actor, at_ms, data) VALUES ('x', "
        "'model_version.transitioned_stage', 'credit', 2, 'ada@127.0.0.1', 1, "
        '\'{"from_stage": "Staging", "to_stage": "Production"}\')',
    )
    assert shell.acgs("audit", "coverage").status == 0, "the database agrees with itself"
    outcome = shell.acgs(*proven)
    assert outcome.status == 1
    assert "found credit 2: in Production, the events say Staging" in outcome.err


def test_a_log_is_believed_only_with_its_key(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, shell: Shell, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(desk.root))
    outcome = shell.acgs("audit", "coverage", "--log", tmp_path)
    assert outcome.status == 2
    assert "expected --log and --public-key together" in outcome.err
