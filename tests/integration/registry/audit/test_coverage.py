"""What stands in the tables without an event is counted and named."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.stores.db import transaction
from registry.audit.coverage import Covered, coverage, total
from registry.domain.values import Stage
from tests.integration.registry.audit.kit import Shell
from tests.integration.registry.git import kit
from tests.integration.registry.git.kit import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "root", kit.bare(tmp_path / "models.git"))


def by_operation(desk: Desk) -> dict[str, Covered]:
    return {one.operation: one for one in coverage(desk.engine)}


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
    desk.delete(desk.register())
    desk.left_by_plain_mlflow(Stage.PRODUCTION, Stage.NONE, name="observed-adopted")
    desk.back_fill()


def test_what_the_platform_does_is_covered(desk: Desk) -> None:
    lived(desk)
    found = coverage(desk.engine)
    counted, audited = total(found)
    assert [gap for one in found for gap in one.gaps] == []
    assert counted == audited
    assert by_operation(desk)["versions registered or adopted"].counted == 5
    assert by_operation(desk)["stages of versions"].counted == 4
    assert by_operation(desk)["versions deleted"].counted == 1


def test_a_renamed_models_stages_are_not_counted_rather_than_wrongly(desk: Desk) -> None:
    lived(desk)
    desk.rename(kit.NAME, "renamed")
    assert by_operation(desk)["stages of versions"].counted == 2
    assert all(one.gaps == () for one in coverage(desk.engine))


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
        "created_ms) VALUES (1, 'ben', 1, '', 'd', 1)",
        "votes",
        ("ben on request 1",),
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


@pytest.mark.parametrize("what", FORGED)
def test_what_was_written_by_sql_is_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    statement, operation, gaps = FORGED[what]
    lived(desk)
    sql(desk, statement)
    assert by_operation(desk)[operation].gaps == gaps
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(desk.root))
    monkeypatch.delenv("ACGS_DATABASE_URL", raising=False)
    outcome = Shell(capsys, monkeypatch).acgs("audit", "coverage")
    assert outcome.status == 1
    assert f"  no event: {gaps[0]}" in outcome.out.splitlines()
    assert "error [audit.coverage_low]: expected more than 98 %" in outcome.err
