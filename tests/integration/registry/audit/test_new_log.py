"""A log that cannot be continued ends openly, and a new one begins with every event."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from infra.processes import running
from infra.processes.process import Identity
from infra.processes.running import SupervisorRecord
from infra.stores.db import transaction
from registry.audit.merkle import replacing
from registry.audit.merkle.errors import LogBrokenError, NotProvenError
from registry.audit.service import AuditTrail
from tests.integration.registry.audit import kit
from tests.integration.registry.audit.kit import Desk, Shell
from tests.integration.registry.audit.test_sequencing import Killed
from tests.support.stores import Kind

NEW = ("audit", "new-log", "--reason", "a backup of Monday was restored")


@pytest.fixture
def broken(desk: Desk, shell: Shell) -> Desk:
    """A database from an old backup, which has other events since."""
    desk.record(3)
    desk.sequencer.round()
    desk.attack("DELETE FROM acgs_leaf WHERE sequence = 2", "DELETE FROM acgs_event WHERE id = 3")
    desk.record(2, "since")
    with pytest.raises(LogBrokenError):
        desk.sequencer.round()
    shell.at(desk)
    return desk


def test_a_new_log_has_every_event_and_says_why(broken: Desk, shell: Shell, tmp_path: Path) -> None:
    old_key, origin = str(broken.key.public), broken.key.public.name
    asked = shell.acgs(*NEW, "--dry-run")
    assert f"would end {origin} at 3 events" in asked.out
    assert str(broken.key.public) == old_key
    done = shell.acgs(*NEW)
    assert done.status == 0, done
    assert f"ended {origin} at 3 events" in done.out

    assert broken.key.public.name != origin
    broken.restarted().round()
    found = shell.acgs("audit", "verify", "--json").view()
    assert (found["size"], found["compared"], found["unlogged"]) == (5, 5, [])
    said = AuditTrail(broken.engine).events()[-1]
    assert (said.type, said.data["origin"], said.data["size"]) == ("audit.log_replaced", origin, 3)
    assert said.data["reason"] == "a backup of Monday was restored"

    kept = next(broken.root.glob("audit-log-ended-*"))
    old = shell.acgs("audit", "verify", kept, "--public-key", old_key, "--json")
    assert old.view()["size"] == 3
    assert list((broken.root / "keys").glob("audit-log-*.vkey"))


# On SQLite an attack drops the guard for good; PostgreSQL's was switched off.
@pytest.mark.parametrize("desk", [Kind.POSTGRES], indirect=True)
def test_it_is_guarded_again_afterwards(broken: Desk, shell: Shell) -> None:
    shell.acgs(*NEW)
    with transaction(broken.engine) as connection:
        enabled = text("SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'")
        assert connection.execute(enabled).scalar() == 0


def test_an_honest_databases_guard_is_back_afterwards(desk: Desk, shell: Shell) -> None:
    desk.record(3)
    desk.sequencer.round()
    desk.sequencer.close()
    shutil.rmtree(desk.folder)
    shell.at(desk)
    assert "none were there" in shell.acgs(*NEW).out
    desk.restarted().round()
    assert desk.checkpoint().size == 4
    with pytest.raises(Exception, match="insert-only"), transaction(desk.engine) as connection:
        connection.execute(text("DELETE FROM acgs_leaf"))


def test_nothing_is_signed_by_a_new_log_that_was_begun_in_part(
    broken: Desk, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in ("registry.audit.merkle.replacing._forget_leaves", "pathlib.Path.rename"):
        with monkeypatch.context() as patch:
            kit.die_at(patch, step, Killed, after=False)
            with pytest.raises(Killed):
                shell.acgs(*NEW)
        with pytest.raises((LogBrokenError, NotProvenError)):
            broken.restarted().round()
    assert shell.acgs(*NEW).status == 0
    broken.restarted().round()
    assert shell.acgs("audit", "verify").status == 0


def test_a_running_platform_is_refused(broken: Desk, shell: Shell) -> None:
    running.write_supervisor(broken.root, SupervisorRecord(Identity.mine(), since=1.0))
    refused = shell.acgs(*NEW)
    assert (refused.status, replacing.StillRunningError.code in refused.err) == (1, True)
